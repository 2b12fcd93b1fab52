/**
 * How a record stands in a Redis stream, and how a batch of them travels to the append script.
 *
 * An entry has the id `<offset + 1>-0` (Redis refuses `0-0`), so the last id of a stream is its number of records ever
 * written, and three fields: `k` the key, `h` the headers as JSON, `v` the value.
 */
import type { NewRecord, RecordHeaders, StoredRecord } from '#processors/ports/event-log.ts'

/** `[id, [field, value, …]]`, as XRANGE and its like answer. */
export type Entry = readonly [id: Buffer, fields: readonly Buffer[] | null]

/** Records of one call for one partition, ready for the script. */
export interface PackedRecords {
  /** Per record: key length (2 bytes), headers length (4), value length (4), big endian; key, headers, value. */
  readonly bytes: Buffer
  readonly count: number
  /** Header `ce_id` of the last record. */
  readonly lastId: string
}

const HEAD_BYTES = 10
const noBytes = Buffer.alloc(0)

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

export function packRecords(records: readonly NewRecord[]): PackedRecords {
  const headers = records.map((record) => JSON.stringify(record.headers))
  let length = 0
  records.forEach((record, i) => {
    // A UTF-16 unit takes at most three bytes.
    length += HEAD_BYTES + record.key.length * 3 + (headers[i]?.length ?? 0) * 3 + record.value.length
  })
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  records.forEach((record, i) => {
    const keyBytes = bytes.write(record.key, at + HEAD_BYTES)
    const headersBytes = bytes.write(headers[i] ?? '', at + HEAD_BYTES + keyBytes)
    bytes.set(record.value, at + HEAD_BYTES + keyBytes + headersBytes)
    bytes.writeUInt16BE(keyBytes, at)
    bytes.writeUInt32BE(headersBytes, at + 2)
    bytes.writeUInt32BE(record.value.length, at + 6)
    at += HEAD_BYTES + keyBytes + headersBytes + record.value.length
  })
  return { bytes: bytes.subarray(0, at), count: records.length, lastId: records.at(-1)?.headers['ce_id'] ?? '' }
}

/** Key and headers are decoded when they are first asked for. */
export class StreamRecord implements StoredRecord {
  readonly offset: number
  readonly #fields: readonly Buffer[]
  #key: string | undefined
  #headers: RecordHeaders | undefined

  constructor(offset: number, fields: readonly Buffer[]) {
    this.offset = offset
    this.#fields = fields
  }

  get key(): string {
    return (this.#key ??= this.#field('k').toString())
  }

  get headers(): RecordHeaders {
    return (this.#headers ??= headersOf(this.#field('h')))
  }

  get value(): Uint8Array {
    return this.#field('v')
  }

  #field(name: 'k' | 'h' | 'v'): Buffer {
    const fields = this.#fields
    const code = name.charCodeAt(0)
    for (let i = 0; i + 1 < fields.length; i += 2) {
      if (fields[i]?.length === 1 && fields[i]?.[0] === code) return fields[i + 1] ?? noBytes
    }
    return noBytes
  }
}

/** Headers of a foreign record that are no JSON object of strings are none. */
function headersOf(bytes: Buffer): RecordHeaders {
  if (bytes.length === 0) return {}
  try {
    const parsed: unknown = JSON.parse(bytes.toString())
    const isHeaders =
      typeof parsed === 'object' && parsed !== null && Object.values(parsed).every((value) => typeof value === 'string')
    return isHeaders ? (parsed as RecordHeaders) : {}
  } catch {
    return {}
  }
}
