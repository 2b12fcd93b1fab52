/**
 * What a backup is: a folder of files, and `manifest.json`, which names each with its hash.
 *
 *     manifest.json    written last: without it the folder is no backup
 *     log.sqlite       the embedded log, a consistent copy; not there when the log is on Redis or Kafka
 *     objects/…        what events refer to, as it stands in LATTICE_DATA
 *
 * Promise: the manifest covers itself, so a changed byte anywhere in a backup is found.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'

export const manifestFile = 'manifest.json'
/** As `infra/embedded` names it in its folder. */
export const logFile = 'log.sqlite'
export const objectsFolder = 'objects'

const format = 'lattice-backup'
/** Raise it with any change an older program would misread. */
const version = 1

export interface BackupFile {
  /** Relative to the backup and to LATTICE_DATA alike, '/'-separated. */
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: string
}

export interface Manifest {
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly files: readonly BackupFile[]
}

export function manifestText({ createdAt, files }: Manifest): string {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const content = { format, version, createdAt, files: sorted }
  return `${JSON.stringify({ ...content, sha256: hashOf(content) }, null, 1)}\n`
}

/** Errors: `request.invalid` when there is no such folder, `log.damaged` when it holds no whole backup, `log.newer`. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, manifestFile), 'utf8').catch(() => undefined)
  if (text === undefined && !existsSync(folder)) {
    throw new Failure('request.invalid', `there is no folder ${folder}`, {
      remedy: 'name a folder that lattice backup has written',
    })
  }
  if (text === undefined) throw damaged(folder, `there is no ${manifestFile}: nothing was backed up, or not to its end`)
  const { sha256, ...content } = parsed(folder, text)
  if (content['format'] !== format) throw damaged(folder, `${manifestFile} is not that of a backup`)
  if (Number(content['version']) > version) {
    throw new Failure('log.newer', `${folder} was written by a newer version`, {
      remedy: 'Install the newer version of Lattice.',
    })
  }
  if (sha256 !== hashOf(content)) throw damaged(folder, `${manifestFile} was changed`)
  const { createdAt, files } = content as unknown as Manifest
  if (!Array.isArray(files) || !files.every(isFile)) throw damaged(folder, `${manifestFile} names no files`)
  if (new Set(files.map(({ path }) => path)).size < files.length) throw damaged(folder, 'it names a file twice')
  const astray = files.find(({ path }) => !isOurs(path))
  if (astray !== undefined) throw damaged(folder, `${astray.path} has no place in a backup`)
  return { createdAt, files }
}

export function damaged(folder: string, reason: string): Failure {
  return new Failure('log.damaged', `${folder} is not a whole backup: ${reason}`, { remedy: 'Take another backup.' })
}

function parsed(folder: string, text: string): Record<string, unknown> {
  try {
    const content = JSON.parse(text) as unknown
    if (typeof content === 'object' && content !== null) return content as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw damaged(folder, `${manifestFile} is not JSON`)
}

function isFile(given: unknown): given is BackupFile {
  if (typeof given !== 'object' || given === null) return false
  const { path, sizeBytes, sha256 } = given as Readonly<Record<keyof BackupFile, unknown>>
  return typeof path === 'string' && typeof sizeBytes === 'number' && typeof sha256 === 'string'
}

function isOurs(path: string): boolean {
  if (path === logFile) return true
  const [top, ...rest] = path.split('/')
  return top === objectsFolder && rest.length > 0 && rest.every((part) => /^[\w-][\w.-]*$/.test(part))
}

function hashOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}
