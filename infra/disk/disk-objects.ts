/**
 * Objects as files of one folder: `ab/cd/abcd…`, each named by the SHA-256 of its bytes.
 *
 * Promise: `put` returns when bytes and name are synced to the disk, also where another process is putting the same;
 * a file is written under another name and then renamed, so what has an object's name is whole. Bytes are checked when
 * they are read; a damaged object is as good as missing, and putting its bytes again mends it.
 */
import { hash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, opendir, readFile, rename, rm, stat, unlink, utimes } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { Objects } from '#processors/ports/objects.ts'

/** Half-written files of killed processes are deleted at this age. */
const abandonedAfterMs = 60 * 60 * 1000

export function openDiskObjects(folder: string): Objects {
  const root = resolve(folder)
  const unfinished = join(root, 'unfinished')
  const pathOf = (sha256: string): string => join(root, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  let swept: Promise<void> | undefined

  async function write(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = join(unfinished, randomUUID())
    await mkdir(unfinished, { recursive: true })
    try {
      await withFile(temporary, 'wx', async (file) => {
        await file.writeFile(bytes)
        await file.sync()
      })
      await makeFolder(dirname(path))
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
  }

  return {
    async put(bytes) {
      await (swept ??= sweep(unfinished))
      const sha256 = hash('sha256', bytes, 'hex')
      const path = pathOf(sha256)
      try {
        if (await holds(path, bytes)) {
          const now = new Date()
          await utimes(path, now, now)
        } else await write(path, bytes)
        // Also what was there already: its writer may not have got this far.
        await syncFolder(dirname(path))
      } catch (error) {
        throw noSpace(error) ? full(root, error) : error
      }
      return sha256
    },
    async get(sha256) {
      const bytes = isName(sha256) ? await readFile(pathOf(sha256)).catch(absent) : undefined
      if (bytes === undefined) throw missing(sha256, 'is not there')
      if (hash('sha256', bytes, 'hex') !== sha256) throw missing(sha256, 'is damaged')
      return bytes
    },
    async has(sha256) {
      return isName(sha256) && (await stat(pathOf(sha256)).catch(absent)) !== undefined
    },
    async *list() {
      for await (const first of entries(root)) {
        if (!/^[0-9a-f]{2}$/.test(first)) continue
        for await (const second of entries(join(root, first))) {
          for await (const sha256 of entries(join(root, first, second))) {
            const found = isName(sha256) ? await stat(pathOf(sha256)).catch(absent) : undefined
            if (found?.isFile() === true) yield { sha256, sizeBytes: found.size, modifiedAt: found.mtimeMs }
          }
        }
      }
    },
    async remove(sha256) {
      if (isName(sha256)) await unlink(pathOf(sha256)).catch(absent)
    },
  }
}

async function holds(path: string, bytes: Uint8Array): Promise<boolean> {
  if ((await stat(path).catch(absent))?.size !== bytes.byteLength) return false
  return withFile(path, 'r+', async (file) => {
    const same = (await file.readFile()).equals(bytes)
    await file.sync()
    return same
  })
}

async function sweep(unfinished: string): Promise<void> {
  for await (const name of entries(unfinished)) {
    const path = join(unfinished, name)
    const found = await stat(path).catch(absent)
    if (found !== undefined && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(path, { force: true })
  }
}

async function* entries(folder: string): AsyncIterable<string> {
  const opened = await opendir(folder).catch(absent)
  if (opened !== undefined) for await (const entry of opened) yield entry.name
}

async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made))
    if (made === first) return
  }
}

async function syncFolder(path: string): Promise<void> {
  await withFile(path, 'r', (folder) => folder.sync())
}

async function withFile<T>(path: string, flags: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}

function isName(sha256: string): boolean {
  return /^[0-9a-f]{64}$/.test(sha256)
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
    return undefined
  throw error
}

function missing(sha256: string, why: string): Failure {
  return new Failure('object.missing', `object ${sha256.slice(0, 64)} ${why}`, {
    remedy: 'Restore the objects folder from a backup.',
  })
}

function noSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

function full(root: string, cause: unknown): Failure {
  return new Failure('log.full', `the disk of ${root} is full`, { remedy: 'Free some space and try again.', cause })
}
