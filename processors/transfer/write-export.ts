/**
 * Writes an export file (`export-entries.ts`).
 *
 * Promise: a file has its name only once it is whole and synced; a kill leaves `<name>.partial`, which no import takes,
 * and which the next export to that name replaces. A file that is there is refused. Memory does not grow with
 * the log.
 */
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { Failure } from '#processors/ports/failure.ts'
import { syncFolder } from './copy-file.ts'
import { type ExportEntry, type ExportHead, type ExportTail, exportFormat, exportVersion } from './export-entries.ts'

export interface ExportContent {
  readonly head: ExportHead
  readonly entries: AsyncIterable<readonly ExportEntry[]>
  /** Asked for once the entries have ended. */
  readonly missingObjects: () => readonly string[]
}

export interface WrittenExport {
  readonly tail: ExportTail
  readonly sizeBytes: number
}

/** Errors: `request.invalid` when the file is there, `log.full`. */
export async function writeExport(file: string, content: ExportContent, signal?: AbortSignal): Promise<WrittenExport> {
  if (existsSync(file)) throw isThere(file)
  const partial = `${file}.partial`
  const written: { tail?: ExportTail } = {}
  try {
    await pipeline(
      Readable.from(bytesOf(content, written), { objectMode: true }),
      createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
      createWriteStream(partial, { mode: 0o600, flush: true }),
      ...(signal === undefined ? [] : [{ signal }]),
    )
    await rename(partial, file)
    await syncFolder(dirname(file))
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw fileFailure(error, file)
  }
  if (written.tail === undefined) throw new Failure('internal', `${file} was written without its end`)
  return { tail: written.tail, sizeBytes: (await stat(file)).size }
}

/** Chunks of at least this much go through hash and compression. */
const chunkBytes = 128 * 1024

async function* bytesOf(content: ExportContent, written: { tail?: ExportTail }): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let chunk: Uint8Array[] = [line({ format: exportFormat, version: exportVersion, ...content.head })]
  let held = 0
  let records = 0
  let objects = 0
  for await (const entries of content.entries) {
    for (const entry of entries) {
      held += put(chunk, entry)
      if (entry.kind === 'record') records += 1
      if (entry.kind === 'object') objects += 1
    }
    if (held < chunkBytes) continue
    yield hashed(hash, chunk)
    chunk = []
    held = 0
  }
  if (chunk.length > 0) yield hashed(hash, chunk)
  written.tail = { records, objects, missingObjects: content.missingObjects(), sha256: hash.digest('hex') }
  yield line({ end: true, ...written.tail })
}

function hashed(hash: ReturnType<typeof createHash>, parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts)
  hash.update(bytes)
  return bytes
}

const newline = Buffer.from('\n')

/** Adds an entry's parts and says how many bytes they have, about. */
function put(chunk: Uint8Array[], entry: ExportEntry): number {
  if (entry.kind === 'schema') {
    chunk.push(line({ schema: entry.id, text: entry.schema }))
    return entry.schema.length
  }
  if (entry.kind === 'object') {
    chunk.push(line({ object: entry.sha256, bytes: entry.bytes.length }), entry.bytes, newline)
    return entry.bytes.length
  }
  const { topic: record, partition, key, headers, value } = entry
  const head = line({ record, partition, key, headers, bytes: value.length })
  chunk.push(head, value, newline)
  return head.length + value.length
}

function line(content: object): Buffer {
  return Buffer.from(`${JSON.stringify(content)}\n`)
}

function isThere(file: string): Failure {
  return new Failure('request.invalid', `${file} is there already`, { remedy: 'Name a file that does not exist yet.' })
}

function fileFailure(error: unknown, file: string): unknown {
  if (error instanceof Failure || !(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new Failure('log.full', `the disk of ${file} is full`, { remedy: 'Free some space.', cause: error })
  }
  return new Failure('request.invalid', `${file} cannot be written: ${error.message}`, {
    remedy: 'Name a file in a folder that exists and that this user may write to.',
    cause: error,
  })
}
