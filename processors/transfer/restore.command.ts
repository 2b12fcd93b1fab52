/**
 * Makes a backup LATTICE_DATA again.
 *
 * Promise: into an empty folder only, and all or nothing: every file is checked against its hash as it is copied, and the
 * log takes its name last. Until then a file stands in its place that no version of Lattice takes for a log, so that a
 * restore that was killed cannot be mistaken for a log that lost its records. One that fails leaves the folder empty.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import { type BackupFile, damaged, logFile, readManifest } from './backup-manifest.ts'
import { copyFile, diskFailure, eachOf, isMissing, makeFolder, syncFolder, writeSynced } from './copy-file.ts'

export interface Restored {
  readonly folder: string
  readonly files: number
  readonly sizeBytes: number
  readonly hasLog: boolean
  /** When the backup was taken, ISO 8601. */
  readonly createdAt: string
}

export interface RestoreGiven {
  /** The backup. */
  readonly from: string
  /** LATTICE_DATA: not there yet, or empty. */
  readonly data: string
  readonly signal?: AbortSignal
}

/** What stands where the log will be. Not a database, so opening it says `log.damaged`. */
const unfinished = 'A restore into this folder was not finished. Delete the folder and restore again.\n'

/** Errors: `request.invalid` for a folder that is not empty, `log.damaged`, `log.newer`, `log.full`. */
export async function restore(ports: { report: Report }, given: RestoreGiven): Promise<Restored> {
  const from = resolve(given.from)
  const data = resolve(given.data)
  const { createdAt, files } = await readManifest(from)
  await checkEmpty(data)
  const hasLog = files.some(({ path }) => path === logFile)
  try {
    await makeFolder(data)
    await writeSynced(join(data, logFile), unfinished)
    await syncFolder(data)
    await copyAll(ports.report, { from, data, files, signal: given.signal })
    if (hasLog) await rename(join(data, copied(logFile)), join(data, logFile))
    else await rm(join(data, logFile))
    await syncFolder(data)
  } catch (error) {
    await empty(data)
    throw diskFailure(error, data)
  }
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  return { folder: data, files: files.length, sizeBytes, hasLog, createdAt }
}

async function copyAll(
  report: Report,
  given: { from: string; data: string; files: readonly BackupFile[]; signal: AbortSignal | undefined },
): Promise<void> {
  const { from, data, files, signal } = given
  let done = 0
  for (const folder of new Set(files.map(({ path }) => dirname(join(data, path))))) await makeFolder(folder)
  await eachOf(files, async ({ path, sizeBytes, sha256 }) => {
    signal?.throwIfAborted()
    const made = await copyFile(join(from, path), join(data, copied(path))).catch((error: unknown) => {
      throw isMissing(error) ? damaged(from, `${path} is missing`) : error
    })
    if (made.sha256 !== sha256 || made.sizeBytes !== sizeBytes) throw damaged(from, `${path} was changed`)
    done += 1
    report({ signal: 'progress', of: 'restore', done, total: files.length, unit: 'files' })
  })
  for (const folder of new Set(files.map(({ path }) => dirname(join(data, path))))) await syncFolder(folder)
}

/** Where a file is copied to: the log's own name is taken until the end. */
function copied(path: string): string {
  return path === logFile ? `${logFile}.restoring` : path
}

/** What says that nothing here is whole goes last. */
async function empty(data: string): Promise<void> {
  const others = (await readdir(data).catch(() => [])).filter((name) => name !== logFile)
  for (const name of [...others, logFile]) await rm(join(data, name), { recursive: true, force: true })
}

async function checkEmpty(data: string): Promise<void> {
  const names = await readdir(data).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw diskFailure(error, data)
  })
  if (names.length === 0) return
  throw new Failure('request.invalid', `${data} is not empty`, {
    remedy: 'Restore into a folder that does not exist yet: set LATTICE_DATA to it.',
  })
}
