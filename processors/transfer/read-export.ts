/**
 * Reads an export file (`export-entries.ts`) and checks it on the way.
 *
 * Promise: it ends without an error only if the file is whole: every record of the bounds in its head is there, counts
 * and checksum are right, every object has the hash it is named by. Memory does not grow with the file, but for one
 * object or record. Errors: `log.damaged`, `log.newer`, `request.invalid` when there is no such file.
 */
import { createHash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createZstdDecompress } from 'node:zlib'
import type { PartitionBounds } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { avroType } from '#schemas/wire/avro.ts'
import { type ExportEntry, type ExportHead, type ExportTail, exportFormat, exportVersion } from './export-entries.ts'

/** What a chunk of the file brought: the head once, first; entries; the tail once, last. */
export interface ReadPart {
  readonly head?: ExportHead
  readonly entries: readonly ExportEntry[]
  readonly tail?: ExportTail
}

export async function* readExport(file: string, signal?: AbortSignal): AsyncGenerator<ReadPart> {
  const reading = new Reading(file)
  let held: Buffer[] = []
  let wanted = 1
  try {
    for await (const chunk of decompressed(file, signal)) {
      held.push(chunk)
      if (lengthOf(held) < wanted) continue
      const bytes = Buffer.concat(held)
      const { used, more, part } = reading.parse(bytes)
      held = used === bytes.length ? [] : [bytes.subarray(used)]
      wanted = bytes.length - used + more
      if (part !== undefined) yield part
    }
  } catch (error) {
    throw signal?.aborted === true ? error : readFailure(error, file)
  }
  if (!reading.isWhole || held.length > 0) throw damaged(file, 'its end is missing')
}

async function* decompressed(file: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: 256 * 1024 })
  const content = createZstdDecompress({ chunkSize: 256 * 1024 })
  source.on('error', (error) => content.destroy(error))
  try {
    for await (const chunk of source.pipe(content) as AsyncIterable<Buffer>) {
      signal?.throwIfAborted()
      yield chunk
    }
  } finally {
    source.destroy()
    content.destroy()
  }
}

const newline = 0x0a
const longestLine = 32 * 1024 * 1024
/** Of an object: no answer, document or prompt is near it. */
const mostBytes = 512 * 1024 * 1024

class Reading {
  readonly #file: string
  readonly #hash = createHash('sha256')
  /** Offset of the next record, by topic and partition. */
  readonly #next = new Map<string, { offset: number; readonly end: number }>()
  #head: ExportHead | undefined
  #records = 0
  #objects = 0
  isWhole = false

  constructor(file: string) {
    this.#file = file
  }

  /** Takes the whole entries at the start of `bytes`; `more` bytes are missing for the one after `used`. */
  parse(bytes: Buffer): { used: number; more: number; part: ReadPart | undefined } {
    const entries: ExportEntry[] = []
    let head: ExportHead | undefined
    let tail: ExportTail | undefined
    let used = 0
    let hashed = 0
    let more = 1
    while (used < bytes.length) {
      if (this.isWhole) throw this.#damaged('something stands behind its end')
      const lineEnd = bytes.indexOf(newline, used)
      if (lineEnd < 0) {
        if (bytes.length - used > longestLine) throw this.#damaged('a line without an end')
        break
      }
      const line = this.#line(bytes.toString('utf8', used, lineEnd))
      const extra = 'bytes' in line ? this.#count(line['bytes']) + 1 : 0
      if (extra > mostBytes) throw this.#damaged('an entry of more than 512 MiB')
      const end = lineEnd + 1 + extra
      if (end > bytes.length) {
        more = end - bytes.length
        break
      }
      if (extra > 0 && bytes[end - 1] !== newline) throw this.#damaged('bytes that are longer than they say')
      if (line['end'] === true) {
        this.#hash.update(bytes.subarray(hashed, used))
        hashed = end
        tail = this.#tail(line)
      }
      if (this.#head === undefined) head = this.#head = this.#headOf(line)
      else if (tail === undefined) entries.push(this.#entry(line, bytes.subarray(lineEnd + 1, end - 1)))
      used = end
    }
    if (hashed < used) this.#hash.update(bytes.subarray(hashed, used))
    const isNothing = head === undefined && tail === undefined && entries.length === 0
    return { used, more, part: isNothing ? undefined : { entries, ...(head && { head }), ...(tail && { tail }) } }
  }

  #headOf(line: Line): ExportHead {
    const { format, version, logId, backend, exportedAt, topics } = line
    if (format !== exportFormat) throw this.#damaged('it does not begin like an export')
    if (this.#count(version) > exportVersion) {
      throw new Failure('log.newer', `${this.#file} was written by a newer version (format ${String(version)})`, {
        remedy: 'Install the newer version of Lattice.',
      })
    }
    if (typeof topics !== 'object' || topics === null) throw this.#damaged('its head names no topics')
    for (const [topic, bounds] of Object.entries(topics as Record<string, PartitionBounds[]>)) {
      if (!Array.isArray(bounds) || !bounds.every(isObject)) throw this.#damaged(`its head has no bounds of ${topic}`)
      for (const { partition, first, next } of bounds) {
        this.#next.set(`${topic}:${this.#count(partition)}`, { offset: this.#count(first), end: this.#count(next) })
      }
    }
    return {
      logId: text(logId),
      backend: text(backend),
      exportedAt: text(exportedAt),
      topics: topics as ExportHead['topics'],
    }
  }

  #entry(line: Line, bytes: Buffer): ExportEntry {
    if (typeof line['record'] === 'string') return this.#record(line['record'], line, bytes)
    if (typeof line['schema'] === 'number') {
      return { kind: 'schema', id: line['schema'], schema: this.#schema(text(line['text'])) }
    }
    const sha256 = line['object']
    if (typeof sha256 !== 'string') throw this.#damaged('a line of no known kind')
    if (hash('sha256', bytes, 'hex') !== sha256) throw this.#damaged(`object ${sha256} is not what it is named by`)
    this.#objects += 1
    return { kind: 'object', sha256, bytes }
  }

  #record(topic: string, line: Line, value: Buffer): ExportEntry {
    const { key, headers } = line
    const partition = this.#count(line['partition'])
    const place = this.#next.get(`${topic}:${partition}`)
    if (place === undefined || place.offset >= place.end) throw this.#damaged(`more records of ${topic} than it says`)
    if (typeof key !== 'string' || !isObject(headers) || !Object.values(headers).every(isText)) {
      throw this.#damaged('a record without key or headers')
    }
    const offset = place.offset++
    this.#records += 1
    return { kind: 'record', topic, partition, offset, key, headers: headers as Record<string, string>, value }
  }

  #schema(schema: string): string {
    try {
      avroType(schema)
      return schema
    } catch {
      throw this.#damaged('a schema that is none')
    }
  }

  #tail(line: Line): ExportTail {
    const { records, objects, missingObjects, sha256 } = line
    const isWhole =
      records === this.#records &&
      objects === this.#objects &&
      Array.isArray(missingObjects) &&
      sha256 === this.#hash.digest('hex') &&
      [...this.#next.values()].every(({ offset, end }) => offset === end)
    if (!isWhole) throw this.#damaged('its checksum or its counts are wrong')
    this.isWhole = true
    return { records, objects, missingObjects: missingObjects as string[], sha256 }
  }

  #line(json: string): Line {
    try {
      const line = JSON.parse(json) as unknown
      if (typeof line === 'object' && line !== null) return line as Line
    } catch {
      // Told below, without the text: it may hold a prompt.
    }
    throw this.#damaged('a line that is not JSON')
  }

  #count(value: unknown): number {
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
    throw this.#damaged('a count that is none')
  }

  #damaged(reason: string): Failure {
    return damaged(this.#file, reason)
  }
}

type Line = Readonly<Record<string, unknown>>

function text(value: unknown): string {
  return isText(value) ? value : ''
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}

function damaged(file: string, reason: string, cause?: unknown): Failure {
  return new Failure('log.damaged', `${file} is not a whole export: ${reason}`, {
    remedy: 'Copy the file again, or export the log again.',
    cause,
  })
}

function readFailure(error: unknown, file: string): unknown {
  if (error instanceof Failure || !(error instanceof Error) || !('code' in error)) return error
  if ('syscall' in error) {
    return new Failure('request.invalid', `${file} cannot be read: ${error.message}`, {
      remedy: 'name a file that lattice export has written',
      cause: error,
    })
  }
  return damaged(file, 'it is cut off, or not compressed by zstd', error)
}
