/**
 * Records packed into frames, the unit the embedded log writes and reads: a batch costs one row, as in Kafka.
 *
 * Promise: what is packed comes back equal (a lone surrogate, which UTF-8 cannot hold, may be U+FFFD). Reading a record's
 * place costs a few bytes; its key and headers are decoded on first use, its value is a view of the frame.
 *
 *     frame   := record*
 *     record  := size:u32 metaSize:u32 meta value          little-endian; size counts from metaSize on
 *     meta    := headers:varint keyUnits:varint header* text
 *     header  := code:u8 [nameUnits:varint if code is 0] valueUnits:varint
 *     text    := UTF-8 of key, then each header's name if its code is 0, and its value
 *
 * One text a record, cut by lengths in UTF-16 units, because a call into the engine's UTF-8 costs more than the bytes.
 */
import type { NewRecord, RecordHeaders, StoredRecord } from '#processors/ports/event-log.ts'

/** Headers that cost one byte. Part of the format: append at the end, never change a place. */
const headerNames = [
  '', // 0: the name is spelt out
  'ce_id',
  'ce_type',
  'ce_source',
  'ce_subject',
  'ce_time',
  'ce_specversion',
  'ce_run',
  'ce_seq',
  'ce_prev',
  'content-type',
  'traceparent',
  'tracestate',
  'ce_causationid',
  'ce_correlationid',
  'ce_dataschema',
  'ce_datacontenttype',
] as const
const headerCodes = new Map<string, number>(headerNames.map((name, code) => [name, code]))
headerCodes.delete('')

/** A frame is closed when it holds this much, so that reading at an offset decodes little. */
const frameBytes = 256 * 1024
const frameRecords = 512
/** What a packer keeps between uses. */
const keptBytes = 1024 * 1024

export interface PackedFrame {
  /** Index of its first record among those packed since the last `clear`. */
  readonly first: number
  readonly count: number
  /** A view of the packer's memory, valid until the next `add` or `clear`. */
  readonly bytes: Uint8Array
}

/** Takes records, gives frames. Reuses its memory. */
export class FramePacker {
  /** Records packed since the last `clear`. */
  count = 0
  #buffer = Buffer.allocUnsafeSlow(16 * 1024)
  #end = 0
  /** Where each frame begins: byte and record, in turns. The last one is still open. */
  #starts: number[] = [0, 0]

  add(record: NewRecord): void {
    const { key, headers, value } = record
    let text = key
    let units = key.length
    let names = 0
    for (const name in headers) {
      const held = headers[name] as string
      text += headerCodes.has(name) ? held : name + held
      names += 1
    }
    units = text.length
    this.#reserve(8 + 10 + names * 11 + units * 3 + value.length)

    const buffer = this.#buffer
    const start = this.#end
    let at = putVarint(buffer, start + 8, names)
    at = putVarint(buffer, at, key.length)
    for (const name in headers) {
      const code = headerCodes.get(name) ?? 0
      buffer[at++] = code
      if (code === 0) at = putVarint(buffer, at, name.length)
      at = putVarint(buffer, at, (headers[name] as string).length)
    }
    at += buffer.write(text, at)
    putU32(buffer, start + 4, at - start - 8)
    buffer.set(value, at)
    at += value.length
    putU32(buffer, start, at - start - 4)
    this.#end = at
    this.count += 1

    const frameStart = this.#starts.at(-2) as number
    const frameFirst = this.#starts.at(-1) as number
    if (at - frameStart >= frameBytes || this.count - frameFirst >= frameRecords) this.#starts.push(at, this.count)
  }

  frames(): PackedFrame[] {
    const frames: PackedFrame[] = []
    for (let i = 0; i < this.#starts.length; i += 2) {
      const from = this.#starts[i] as number
      const first = this.#starts[i + 1] as number
      const to = this.#starts[i + 2] ?? this.#end
      if (to > from)
        frames.push({
          first,
          count: (this.#starts[i + 3] ?? this.count) - first,
          bytes: this.#buffer.subarray(from, to),
        })
    }
    return frames
  }

  clear(): void {
    if (this.#buffer.length > keptBytes) this.#buffer = Buffer.allocUnsafeSlow(keptBytes)
    this.#end = 0
    this.count = 0
    this.#starts = [0, 0]
  }

  #reserve(sizeBytes: number): void {
    const wanted = this.#end + sizeBytes
    if (wanted <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#end)
    this.#buffer = grown
  }
}

/** Bytes that are no frame: the file was damaged. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** A frame being read: its records one after the other. Throws a FrameError where the bytes are none. */
export class FrameReader {
  readonly #bytes: FrameBuffer
  #at = 0
  /** Offset of the record that `next` gives. */
  offset: number

  constructor(base: number, bytes: Uint8Array) {
    this.offset = base
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as FrameBuffer
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  skipTo(offset: number): void {
    while (this.offset < offset && !this.done) this.#step()
  }

  next(): StoredRecord {
    const { offset } = this
    const at = this.#step()
    return new FramedRecord(offset, this.#bytes, at)
  }

  /** Passes one record and gives where it began. */
  #step(): number {
    const at = this.#at
    const end = at + 4 + (at + 8 <= this.#bytes.length ? getU32(this.#bytes, at) : Infinity)
    if (end > this.#bytes.length || getU32(this.#bytes, at + 4) > end - at - 8) throw new FrameError('not a frame')
    this.#at = end
    this.offset += 1
    return at
  }
}

class FramedRecord implements StoredRecord {
  readonly offset: number
  readonly #frame: FrameBuffer
  readonly #at: number
  #key: string | undefined
  #headers: RecordHeaders | undefined
  #value: Uint8Array | undefined

  constructor(offset: number, frame: FrameBuffer, at: number) {
    this.offset = offset
    this.#frame = frame
    this.#at = at
  }

  get key(): string {
    if (this.#key === undefined) this.#decode()
    return this.#key as string
  }

  get headers(): RecordHeaders {
    if (this.#headers === undefined) this.#decode()
    return this.#headers as RecordHeaders
  }

  get value(): Uint8Array {
    this.#value ??= this.#frame.subarray(
      this.#at + 8 + getU32(this.#frame, this.#at + 4),
      this.#at + 4 + getU32(this.#frame, this.#at),
    )
    return this.#value
  }

  #decode(): void {
    const frame = this.#frame
    const end = this.#at + 8 + getU32(frame, this.#at + 4)
    cursor.at = this.#at + 8
    const count = getVarint(frame, cursor)
    const keyUnits = getVarint(frame, cursor)
    if (!(count <= end - cursor.at)) throw new FrameError('more headers than bytes')
    // Three numbers a header, kept from here for when the text is there: a varint is read once.
    const shape = count * 3 <= shapeOfMost.length ? shapeOfMost : new Uint32Array(count * 3)
    for (let i = 0; i < count * 3; i += 3) {
      const code = frame[cursor.at++] as number
      shape[i] = code
      shape[i + 1] = code === 0 ? getVarint(frame, cursor) : 0
      shape[i + 2] = getVarint(frame, cursor)
    }
    const text = frame.utf8Slice(cursor.at, end)

    this.#key = text.slice(0, keyUnits)
    const headers: Record<string, string> = {}
    let unit = keyUnits
    for (let i = 0; i < count * 3; i += 3) {
      const code = shape[i] as number
      const start = unit + (shape[i + 1] as number)
      const name = code === 0 ? text.slice(unit, start) : ''
      unit = start + (shape[i + 2] as number)
      if (code === 0) putNamed(headers, name, text.slice(start, unit))
      else putCoded(headers, code, text.slice(start, unit))
    }
    this.#headers = headers
  }
}

/** Reused: reading a record calls nothing else that reads one. */
const cursor = { at: 0 }
const shapeOfMost = new Uint32Array(3 * 32)

/** `utf8Slice` is what `toString('utf8')` comes down to, without its checks: they cost as much as a short text. */
interface FrameBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
}

/** One place a name, so that the engine knows the shape at each: a quarter of what `headers[name] = value` takes. */
function putCoded(headers: Record<string, string>, code: number, value: string): void {
  switch (code) {
    case 1:
      headers['ce_id'] = value
      break
    case 2:
      headers['ce_type'] = keptType(value)
      break
    case 3:
      headers['ce_source'] = value
      break
    case 4:
      headers['ce_subject'] = value
      break
    case 5:
      headers['ce_time'] = value
      break
    case 6:
      headers['ce_specversion'] = value
      break
    case 7:
      headers['ce_run'] = value
      break
    case 8:
      headers['ce_seq'] = value
      break
    case 9:
      headers['ce_prev'] = value
      break
    case 10:
      headers['content-type'] = value
      break
    case 13:
      headers['ce_causationid'] = value
      break
    default:
      putNamed(headers, headerNames[code] ?? `unknown-${code}`, value)
  }
}

function putNamed(headers: Record<string, string>, name: string, value: string): void {
  if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true })
  else headers[name] = value
}

/** Types met so far, by length: as one string each, its hash is computed once and not for every look into a table. */
const types: string[][] = []

function keptType(type: string): string {
  const kept = (types[type.length] ??= [])
  for (const one of kept) if (one === type) return one
  // Foreign records may have any type: no more are kept than there are of ours.
  if (kept.length >= 8 || type.length > 64) return type
  // A copy: a slice would keep the text of its record.
  const copy = Buffer.from(type).toString()
  kept.push(copy)
  return copy
}

function putU32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value
  buffer[at + 1] = value >>> 8
  buffer[at + 2] = value >>> 16
  buffer[at + 3] = value >>> 24
}

function getU32(buffer: Buffer, at: number): number {
  return (
    ((buffer[at] as number) |
      ((buffer[at + 1] as number) << 8) |
      ((buffer[at + 2] as number) << 16) |
      ((buffer[at + 3] as number) << 24)) >>>
    0
  )
}

function putVarint(buffer: Buffer, at: number, value: number): number {
  while (value > 127) {
    buffer[at++] = (value & 127) | 128
    value >>>= 7
  }
  buffer[at++] = value
  return at
}

function getVarint(buffer: Buffer, cursor: { at: number }): number {
  let byte = buffer[cursor.at++] as number
  let value = byte & 127
  for (let shift = 7; byte > 127; shift += 7) {
    byte = buffer[cursor.at++] as number
    value |= (byte & 127) << shift
  }
  return value
}
