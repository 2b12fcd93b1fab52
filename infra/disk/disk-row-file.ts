/**
 * A file of rows on the disk, shared with other daemons, and its writer's note in a file of our own.
 *
 * Promise: as the port says. Writes are `O_APPEND`, one a row, which the kernel never mixes with another daemon's; only a
 * full disk cuts one short, and then the next row begins with a newline, so that the cut one is a line of its own.
 */
import { constants, createReadStream, mkdirSync, readFileSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#processors/ports/failure.ts'
import type { RowFile } from '#processors/ports/row-file.ts'
import { makeFolder, replaceFile } from './synced-files.ts'

export function openDiskRowFile({ path, notePath }: { readonly path: string; readonly notePath: string }): RowFile {
  return {
    path,
    sizeBytes: () => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    append: (rows) => told(path, () => appendRows(path, rows)),
    async *lines(from) {
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= from) return
      yield* createInterface({ input: createReadStream(path, { start: from }), crlfDelay: Infinity })
    },
    note() {
      try {
        return readFileSync(notePath, 'utf8')
      } catch {
        return undefined
      }
    },
    keep(note) {
      try {
        makeFolder(dirname(notePath))
        replaceFile(notePath, note)
      } catch (error) {
        throw stalled(notePath, error)
      }
    },
  }
}

async function appendRows(path: string, rows: readonly string[]): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const file = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o644)
  try {
    for (const row of rows) {
      const bytes = Buffer.from(`${(await endsInACutRow(file)) ? '\n' : ''}${row}\n`)
      const { bytesWritten } = await file.write(bytes)
      if (bytesWritten < bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`)
    }
    await file.datasync()
  } finally {
    await file.close()
  }
}

const newline = 10

/** A large row of another daemon can be seen half written for a moment: only what stays as it is was cut short. */
async function endsInACutRow(file: FileHandle): Promise<boolean> {
  for (let before = -1; ;) {
    const { size } = await file.stat()
    if (size === 0 || (await byteAt(file, size - 1)) === newline) return false
    if (size === before) return true
    before = size
    await sleep(lookAgainMs)
  }
}

const lookAgainMs = 20

async function byteAt(file: FileHandle, at: number): Promise<number | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, at)
  return bytesRead === 0 ? undefined : buffer[0]
}

async function told<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  return work().catch((error: unknown) => {
    throw stalled(path, error)
  })
}

function stalled(path: string, cause: unknown): Failure {
  const why = cause instanceof Error ? cause.message : String(cause)
  const remedy = 'Free space on the disk, or let this user write there; the rows are appended then.'
  return new Failure('store.stalled', `${path} can't be written: ${why}`, { remedy, cause })
}
