/**
 * Copying files so that what is copied is known and stays.
 *
 * Promise: when a function here returns, bytes and names are on the disk; the hash is that of the bytes that were written.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'

const chunkBytes = 1024 * 1024

/** Copies to a file that does not exist yet. */
export async function copyFile(from: string, to: string): Promise<{ sizeBytes: number; sha256: string }> {
  // A pipe would be waited for without end.
  if (!(await stat(from)).isFile()) throw new Failure('log.damaged', `${from} is not a file`)
  await using source = await open(from, 'r')
  await using target = await open(to, 'wx', 0o600)
  const copied = await eachChunk(source, (chunk) => target.writeFile(chunk))
  await target.sync()
  return copied
}

export async function hashFile(path: string): Promise<{ sizeBytes: number; sha256: string }> {
  await using file = await open(path, 'r')
  return await eachChunk(file, () => Promise.resolve())
}

/** Writes a file that does not exist yet. */
export async function writeSynced(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
}

export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

/** Makes a folder and what leads to it. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made))
    if (made === first) return
  }
}

export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}

/** Runs `work` on each item, a few at a time; stops taking new ones at the first error. */
export async function eachOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const failed: unknown[] = []
  for await (const item of items) {
    if (failed.length > 0) break
    const one: Promise<void> = work(item)
      .catch((error: unknown) => void failed.push(error))
      .finally(() => underWay.delete(one))
    underWay.add(one)
    if (underWay.size >= 8) await Promise.race(underWay)
  }
  await Promise.all(underWay)
  if (failed.length > 0) throw failed[0]
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** A full disk by its name; other errors as they are. */
export function diskFailure(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new Failure('log.full', `the disk of ${folder} is full`, { remedy: 'Free some space.', cause: error })
  }
  if (error.code !== 'EACCES' && error.code !== 'EROFS' && error.code !== 'ENOTDIR') return error
  return new Failure('request.invalid', `${folder} cannot be written: ${error.message}`, { cause: error })
}

async function eachChunk(
  file: FileHandle,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(chunkBytes)
  let sizeBytes = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, sizeBytes)
    if (bytesRead === 0) return { sizeBytes, sha256: hash.digest('hex') }
    const chunk = buffer.subarray(0, bytesRead)
    hash.update(chunk)
    await take(chunk)
    sizeBytes += bytesRead
  }
}
