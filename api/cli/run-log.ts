import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { isFailure } from '#processors/ports/failure.ts'
import type { Position } from '#schemas/position.ts'
import type { Opened } from '#api/opened.ts'

/**
 * A run's `run.jsonl` as its readers see it: whole lines, each once, whoever writes it.
 *
 * Promise: a file that is replaced by a rebuilt one, byte for byte the same, is read on where the old one was left.
 */
export async function* readLines(
  path: string,
  options: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<string> {
  const { follow, signal } = options
  let file = await open(path)
  try {
    const chunk = Buffer.alloc(64 * 1024)
    let parts: Buffer[] = []
    let position = 0
    while (!signal.aborted) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position)
      if (bytesRead === 0) {
        if (!follow) return
        await pause(lookAgainMs, signal)
        file = await replaced(file, path)
        continue
      }
      position += bytesRead
      let bytes = Buffer.from(chunk.subarray(0, bytesRead))
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10)) {
        yield Buffer.concat([...parts, bytes.subarray(0, end)]).toString('utf8')
        parts = []
        bytes = bytes.subarray(end + 1)
      }
      if (bytes.length > 0) parts.push(bytes)
    }
  } finally {
    await file.close()
  }
}

const lookAgainMs = 100

/** The file that is at the path now. */
async function replaced(file: FileHandle, path: string): Promise<FileHandle> {
  const [own, there] = await Promise.all([file.stat(), stat(path).catch(() => undefined)])
  if (there === undefined || (there.ino === own.ino && there.dev === own.dev)) return file
  const next = await open(path).catch(() => undefined)
  if (next === undefined) return file
  await file.close()
  return next
}

/** Whether a line says that the run has ended. */
export function endsRun(line: string): boolean {
  return /^\{"ts":"[^"]*","event":"run_completed",/.test(line)
}

/**
 * Whether a run's folder is complete in time. Of another process's folder store only the files can be seen: their last
 * line says it.
 */
export async function folderReached(
  { stores, given: { clock } }: Opened['lattice'],
  { position, log, waitMs }: { readonly position: Position; readonly log: string; readonly waitMs: number },
): Promise<boolean> {
  const until = clock.monotonic() + waitMs
  while (clock.monotonic() < until) {
    try {
      return (await stores.folders?.reached([position], until - clock.monotonic())) ?? true
    } catch (error) {
      if (!isFailure(error, 'store.locked')) throw error
      if (await hasEnded(log)) return true
      await clock.sleep(25)
    }
  }
  return false
}

/** Whether the last whole line of the file says that the run has ended; false where there is no file. */
async function hasEnded(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return false
  try {
    const { size } = await file.stat()
    const tail = Buffer.alloc(Math.min(size, lastLineBytes))
    await file.read(tail, 0, tail.length, size - tail.length)
    const lines = tail.toString('utf8').split('\n')
    return lines.at(-1) === '' && endsRun(lines.at(-2) ?? '')
  } finally {
    await file.close()
  }
}

/** More than any line that ends a run has. */
const lastLineBytes = 16 * 1024

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, ms)
    if (signal.aborted) over()
    signal.addEventListener('abort', over, { once: true })
  })
}
