/**
 * Kafka's record batches, version 2: how records stand on the wire and on the broker's disk.
 *
 * Promise: what is read is exactly what was written, in order and without a hole; a batch that fails its checksum, or
 * whose offsets are not contiguous, is an error and never a shorter answer. A batch cut off at the end of a fetch is
 * left out, as the protocol allows. Records are cut into fields only when they are looked at.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { NewRecord, RecordHeaders, StoredRecord } from '#processors/ports/event-log.ts'
import { crc32c } from './crc32c.ts'
import { WireReader, WireWriter, varintWidth } from './wire.ts'

export interface ProducerStamp {
  readonly producerId: number
  readonly producerEpoch: number
  /** Sequence of the batch's first record (32 bit, wraps to 0). */
  readonly sequence: number
  readonly timestampMs: number
}

const HEADER_BYTES = 61
const LENGTH_FROM = 12
const CRC_FROM = 21
const COMPRESSION = 0x07
const CONTROL = 0x20

/** A jump in the offsets of a partition: compaction, or a foreign transaction's marker. */
export class OffsetGap extends Error {
  readonly expected: number
  readonly found: number
  constructor(expected: number, found: number) {
    super(`expected offset ${expected}, found ${found}`)
    this.expected = expected
    this.found = found
  }
}

/** A batch that cannot be what was written. */
export class DamagedBatch extends Error {}

export function encodeBatch(records: readonly NewRecord[], stamp: ProducerStamp): Buffer {
  const wire = new WireWriter(roughSize(records))
  wire.int64(0)
  const length = wire.reserve(4)
  wire.int32(-1)
  wire.int8(2)
  const crc = wire.reserve(4)
  wire.int16(0)
  wire.int32(records.length - 1)
  wire.int64(stamp.timestampMs)
  wire.int64(stamp.timestampMs)
  wire.int64(stamp.producerId)
  wire.int16(stamp.producerEpoch)
  wire.int32(stamp.sequence)
  wire.int32(records.length)
  let delta = 0
  for (const record of records) writeRecord(wire, record, delta++)
  wire.patch32(length, wire.length - LENGTH_FROM)
  wire.patch32(crc, crc32c(wire.written, CRC_FROM))
  return wire.written
}

function writeRecord(wire: WireWriter, record: NewRecord, offsetDelta: number): void {
  const reserved = varintWidth(record.value.length + 128)
  const start = wire.reserve(reserved)
  wire.int8(0)
  wire.varint(0)
  wire.varint(offsetDelta)
  wire.varintString(record.key)
  wire.varint(record.value.length)
  wire.raw(record.value)
  const names = Object.keys(record.headers)
  wire.varint(names.length)
  for (const name of names) {
    wire.varintString(name)
    wire.varintString(record.headers[name] as string)
  }
  wire.patchLength(start, reserved)
}

function roughSize(records: readonly NewRecord[]): number {
  let size = HEADER_BYTES
  for (const record of records) size += record.value.length + 192
  return size
}

/** Where the batches of a fetched buffer end: the offset after its last whole batch; undefined when it holds none. */
export function endOfBatches(bytes: Buffer): number | undefined {
  let next: number | undefined
  for (const batch of batchesOf(bytes)) next = batch.last + 1
  return next
}

/** All records from offset `from` on. Throws OffsetGap when the first is not `from` or one is missing, or DamagedBatch. */
export function decodeBatches(bytes: Buffer, from: number): StoredRecord[] {
  const records: StoredRecord[] = []
  let expected = from
  for (const batch of batchesOf(bytes)) {
    checkSum(bytes, batch)
    if (batch.last < expected) continue
    if (batch.base > expected) throw new OffsetGap(expected, batch.base)
    expected = readBatch(bytes, batch, { records, expected })
  }
  return records
}

interface BatchSpan {
  readonly start: number
  readonly end: number
  readonly base: number
  readonly last: number
}

function* batchesOf(bytes: Buffer): Generator<BatchSpan> {
  for (let start = 0; start + HEADER_BYTES <= bytes.length;) {
    const reader = new WireReader(bytes, start)
    const base = reader.int64()
    const end = start + LENGTH_FROM + reader.int32()
    if (end > bytes.length) return
    if (end < start + HEADER_BYTES || bytes[start + 16] !== 2)
      throw new DamagedBatch(`no record batch at offset ${base}`)
    yield { start, end, base, last: base + bytes.readInt32BE(start + 23) }
    start = end
  }
}

function checkSum(bytes: Buffer, { start, end, base }: BatchSpan): void {
  if (crc32c(bytes, start + CRC_FROM, end) === bytes.readUInt32BE(start + 17)) return
  throw new DamagedBatch(`the record batch at offset ${base} fails its checksum`)
}

/** Appends the batch's records from `expected` on and answers with the offset after it. */
function readBatch(bytes: Buffer, batch: BatchSpan, into: { records: StoredRecord[]; expected: number }): number {
  const { start, end, base, last } = batch
  const attributes = bytes.readInt16BE(start + 21)
  const count = bytes.readInt32BE(start + 57)
  // Compaction leaves the last offset as it was and takes records out; a control batch holds no records of ours.
  if ((attributes & CONTROL) !== 0 || count === 0) throw new OffsetGap(into.expected, last + 1)
  if (count !== last - base + 1) throw new OffsetGap(into.expected, base + count)

  const body = decompress(bytes.subarray(start + HEADER_BYTES, end), attributes & COMPRESSION)
  const reader = new WireReader(body)
  for (let offset = base; offset <= last; offset += 1) {
    const length = reader.varint()
    const at = reader.at
    const end = at + length
    reader.at = end
    if (length < 0 || end > body.length) throw new DamagedBatch(`the record at offset ${offset} is cut`)
    if (offset >= into.expected) into.records.push(new KafkaRecord(offset, body, { at, end }))
  }
  return last + 1
}

function decompress(bytes: Buffer, compression: number): Buffer {
  if (compression === 0) return bytes
  if (compression === 1) return gunzipSync(bytes)
  if (compression === 4) return zstdDecompressSync(bytes)
  throw new DamagedBatch(
    `records are compressed with ${compression === 2 ? 'snappy' : 'lz4'}, which cannot be read here`,
  )
}

/** A record of a fetched batch, cut into fields when first looked at. Views into the batch stay valid: it is never reused. */
class KafkaRecord implements StoredRecord {
  readonly offset: number
  readonly #bytes: Buffer
  readonly #at: number
  readonly #end: number
  #fields: Fields | undefined
  #headers: RecordHeaders | undefined

  constructor(offset: number, bytes: Buffer, span: { readonly at: number; readonly end: number }) {
    this.offset = offset
    this.#bytes = bytes
    this.#at = span.at
    this.#end = span.end
  }

  get key(): string {
    return this.#cut().key
  }

  get value(): Uint8Array {
    return this.#cut().value
  }

  get headers(): RecordHeaders {
    this.#headers ??= readHeaders(new WireReader(this.#bytes, this.#cut().headersAt), this.#end)
    return this.#headers
  }

  #cut(): Fields {
    this.#fields ??= cutFields(new WireReader(this.#bytes, this.#at))
    return this.#fields
  }
}

interface Fields {
  readonly key: string
  readonly value: Uint8Array
  readonly headersAt: number
}

const nothing = new Uint8Array(0)

function cutFields(reader: WireReader): Fields {
  reader.int8()
  reader.skipVarlong()
  reader.varint()
  const keyLength = reader.varint()
  const key = keyLength <= 0 ? '' : reader.utf8(keyLength)
  const valueLength = reader.varint()
  const value = valueLength <= 0 ? nothing : reader.raw(valueLength)
  return { key, value, headersAt: reader.at }
}

/** One native call makes a string of all headers, which is then sliced: five times as fast as one call a header. */
function readHeaders(reader: WireReader, end: number): RecordHeaders {
  const headers: Record<string, string> = {}
  const { bytes, at: start } = reader
  const text = bytes.toString('latin1', start, end)
  for (let left = reader.varint(); left > 0; left -= 1) {
    const name = readName(reader)
    const length = reader.varint()
    let value = ''
    if (length > 0 && isAscii(bytes, reader.at, reader.at + length)) {
      value = text.substring(reader.at - start, reader.at - start + length)
      reader.at += length
    } else if (length > 0) value = reader.utf8(length)
    // The one name that a plain assignment would not keep.
    if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true })
    else headers[name] = value
  }
  return headers
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((bytes[at] as number) >= 0x80) return false
  return true
}

/** Header names are few and the same in every record: the last ones seen are kept, by length and outer letters. */
const names = Array.from<string | undefined>({ length: 256 })

function readName(reader: WireReader): string {
  const length = reader.varint()
  if (length <= 0) return ''
  const { bytes, at } = reader
  const slot = (length * 31 + (bytes[at] ?? 0) + 7 * (bytes[at + length - 1] ?? 0)) & 255
  const known = names[slot]
  if (known?.length === length && isAt(known, bytes, at)) {
    reader.at += length
    return known
  }
  const name = reader.utf8(length)
  names[slot] = name
  return name
}

function isAt(text: string, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text.charCodeAt(index)) return false
  return true
}
