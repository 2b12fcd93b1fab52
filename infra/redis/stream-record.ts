/**
 * How a record stands in a Redis stream, and how a batch of them travels to the append script.
 *
 * An entry has the id `<offset + 1>-0` (Redis refuses `0-0`), so the last id of a stream is its number of records ever
 * written, and one field, `r`: key length (2 bytes, big endian), headers length (4), key, headers as JSON, value. One
 * field, because a reader pays for each: with three it spends 1.7 times as much on a record.
 */
import type { NewRecord, RecordHeaders, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'

/** `[id, [field, value, …]]`, as XRANGE and its like answer. */
export type Entry = readonly [id: Buffer, fields: readonly Buffer[] | null]

/** Records of one call for one partition, ready for the script. */
export interface PackedRecords {
  /** Per record: its length (4 bytes, big endian), then itself. */
  readonly bytes: Buffer
  readonly count: number
  /** Header `ce_id` of the last record. */
  readonly lastId: string
}

const LENGTH_BYTES = 4
const HEAD_BYTES = 6
const empty = Buffer.alloc(HEAD_BYTES)

export function streamId(offset: number): string {
  return `${offset + 1}-0`
}

/** The offset of an entry; undefined for an id we did not give. */
export function offsetOf(id: Buffer): number | undefined {
  let count = 0
  let at = 0
  for (; at < id.length && id[at] !== 0x2d; at += 1) count = count * 10 + ((id[at] ?? 0) - 0x30)
  const isOurs = id.length === at + 2 && id[at + 1] === 0x30
  return isOurs && Number.isSafeInteger(count) ? count - 1 : undefined
}

/** What XREAD and XREADGROUP answer, which is nothing, pairs (RESP2), or a flattened map (RESP3). */
export function entriesByStream(reply: unknown): readonly (readonly [stream: string, entries: readonly Entry[]])[] {
  if (!Array.isArray(reply)) return []
  const flat = (Array.isArray(reply[0]) ? reply.flat() : reply) as readonly (Buffer | readonly Entry[])[]
  return flat.flatMap((name, i) =>
    i % 2 === 0 ? [[String(name), (flat[i + 1] ?? []) as readonly Entry[]] as const] : [],
  )
}

/** One field of a flattened map, as XINFO answers. */
export function fieldOf(fields: readonly unknown[], name: string): unknown {
  const at = fields.findIndex((value, i) => i % 2 === 0 && Buffer.isBuffer(value) && value.toString() === name)
  return at < 0 ? undefined : fields[at + 1]
}

/** Errors: `request.invalid` for a key that is empty or too long. */
export function packRecords(records: readonly NewRecord[]): PackedRecords {
  const headers = records.map((record) => JSON.stringify(record.headers))
  let texts = 0
  let values = 0
  records.forEach((record, i) => {
    texts += record.key.length + (headers[i] ?? '').length
    values += record.value.length
  })
  // A UTF-16 unit takes at most three bytes.
  const bytes = Buffer.allocUnsafe(texts * 3 + values + records.length * (LENGTH_BYTES + HEAD_BYTES))
  let at = 0
  records.forEach((record, i) => {
    const start = at + LENGTH_BYTES
    const keyBytes = bytes.write(record.key, start + HEAD_BYTES)
    if (keyBytes < 1 || keyBytes > 512) throw badKey(keyBytes)
    const headersBytes = bytes.write(headers[i] ?? '', start + HEAD_BYTES + keyBytes)
    const end = start + HEAD_BYTES + keyBytes + headersBytes + record.value.length
    bytes.set(record.value, end - record.value.length)
    bytes.writeUInt32BE(end - start, at)
    bytes.writeUInt16BE(keyBytes, start)
    bytes.writeUInt32BE(headersBytes, start + 2)
    at = end
  })
  return { bytes: bytes.subarray(0, at), count: records.length, lastId: records.at(-1)?.headers['ce_id'] ?? '' }
}

function badKey(keyBytes: number): Failure {
  return new Failure('request.invalid', `a record's key has 1 to 512 bytes, not ${keyBytes}`)
}

/** Decoded when it is first asked for. An entry that is not of this form is empty. */
export class StreamRecord implements StoredRecord {
  readonly offset: number
  readonly #bytes: Buffer
  #key: string | undefined
  #headers: RecordHeaders | undefined

  constructor(offset: number, fields: readonly Buffer[] | null) {
    this.offset = offset
    this.#bytes = bytesOf(fields)
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  get key(): string {
    return (this.#key ??= this.#bytes.toString('utf8', HEAD_BYTES, keyEnd(this.#bytes)))
  }

  get headers(): RecordHeaders {
    return (this.#headers ??= headersOf(this.#bytes.toString('utf8', keyEnd(this.#bytes), headersEnd(this.#bytes))))
  }

  get value(): Uint8Array {
    return this.#bytes.subarray(headersEnd(this.#bytes))
  }
}

function bytesOf(fields: readonly Buffer[] | null): Buffer {
  if (fields?.length !== 2 || fields[0]?.length !== 1 || fields[0][0] !== 0x72) return empty
  const bytes = fields[1] ?? empty
  return bytes.length >= HEAD_BYTES && headersEnd(bytes) <= bytes.length ? bytes : empty
}

function keyEnd(bytes: Buffer): number {
  return HEAD_BYTES + bytes.readUInt16BE(0)
}

function headersEnd(bytes: Buffer): number {
  return keyEnd(bytes) + bytes.readUInt32BE(2)
}

/** Headers of a foreign record that are no JSON object of strings are none. */
function headersOf(json: string): RecordHeaders {
  if (json === '') return {}
  try {
    const parsed: unknown = JSON.parse(json)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as RecordHeaders) : {}
  } catch {
    return {}
  }
}
