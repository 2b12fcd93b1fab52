/**
 * Copies LATTICE_DATA into a folder that can be restored, while everything goes on running.
 *
 * Promise: the copy is of one moment of the log, with every object that log refers to. The log is copied first, as
 * objects are put before the events that refer to them (R14). Stores are left out: they are folded anew. The manifest is
 * written last, so a backup that was killed is none.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { Clock } from '#processors/ports/clock.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import { type BackupFile, logFile, manifestFile, manifestText, objectsFolder } from './backup-manifest.ts'
import {
  copyFile,
  diskFailure,
  eachOf,
  hashFile,
  isMissing,
  makeFolder,
  syncFile,
  syncFolder,
  writeSynced,
} from './copy-file.ts'

export interface BackupGiven {
  /** LATTICE_DATA. */
  readonly data: string
  /** A folder that is not there yet, or is empty. */
  readonly to: string
  /** Writes a copy of the embedded log at `path`, of one moment; left out when the log is somewhere else. */
  readonly copyLog?: (path: string) => Promise<void>
  readonly signal?: AbortSignal
}

export interface BackedUp {
  readonly folder: string
  readonly files: number
  readonly sizeBytes: number
  /** Whether the log is in it; one on Redis or Kafka is exported, or backed up there. */
  readonly hasLog: boolean
  /** What stands in LATTICE_DATA and is not in the backup. */
  readonly leftOut: readonly string[]
}

/** Errors: `request.invalid` for a folder that cannot be used, `log.full`, those of `copyLog`. */
export async function backUp(ports: { clock: Clock; report: Report }, given: BackupGiven): Promise<BackedUp> {
  const data = resolve(given.data)
  const to = resolve(given.to)
  await checkFolders(data, to)
  try {
    const files = await copyAll(ports.report, { ...given, data, to })
    const createdAt = new Date(ports.clock.now()).toISOString()
    await writeSynced(join(to, `${manifestFile}.partial`), manifestText({ createdAt, files }))
    await rename(join(to, `${manifestFile}.partial`), join(to, manifestFile))
    await syncFolder(to)
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
    const leftOut = (await readdir(data)).filter((name) => ![logFile, objectsFolder].includes(name)).sort()
    return { folder: to, files: files.length, sizeBytes, hasLog: given.copyLog !== undefined, leftOut }
  } catch (error) {
    for (const name of await readdir(to).catch(() => [])) await rm(join(to, name), { recursive: true, force: true })
    throw diskFailure(error, to)
  }
}

async function copyAll(report: Report, given: BackupGiven): Promise<BackupFile[]> {
  const { data, to, copyLog, signal } = given
  const files: BackupFile[] = []
  await makeFolder(to)
  if (copyLog !== undefined) {
    const path = join(to, logFile)
    await copyLog(path)
    await syncFile(path)
    files.push({ path: logFile, ...(await hashFile(path)) })
  }
  const objects = await filesIn(join(data, objectsFolder))
  for (const folder of new Set(objects.map((path) => join(to, relative(data, path), '..')))) await makeFolder(folder)
  await eachOf(objects, async (object) => {
    signal?.throwIfAborted()
    const path = relative(data, object)
    try {
      files.push({ path: path.split(sep).join('/'), ...(await copyFile(object, join(to, path))) })
    } catch (error) {
      // Collected meanwhile, so nobody refers to it; or half-written and finished under its own name.
      if (!isMissing(error)) throw error
    }
    report({ signal: 'progress', of: 'backup', done: files.length, total: objects.length + 1, unit: 'files' })
  })
  for (const folder of new Set(files.map(({ path }) => join(to, path, '..')))) await syncFolder(folder)
  return files
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

async function checkFolders(data: string, to: string): Promise<void> {
  const isWithin = (inner: string, outer: string): boolean => `${inner}${sep}`.startsWith(`${outer}${sep}`)
  if (isWithin(to, data) || isWithin(data, to)) {
    throw new Failure('request.invalid', `${to} and ${data} stand in one another`, {
      remedy: 'Name a folder beside LATTICE_DATA, better on another disk.',
    })
  }
  const there = await readdir(to).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw diskFailure(error, to)
  })
  if (there.length === 0) return
  throw new Failure('request.invalid', `${to} is not empty`, { remedy: 'Name a folder that does not exist yet.' })
}
