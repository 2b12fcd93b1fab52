/**
 * The primitive types of the Kafka protocol, in its flexible encoding (KIP-482): what every request of ours is made of.
 *
 * Promise: a reader never reads past its buffer; a cut message is a RangeError, not a wrong value.
 * Source: https://kafka.apache.org/protocol#protocol_types
 */
export class WireWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** What was written; a view that the next write may leave behind. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  int8(value: number): void {
    const at = this.#grow(1)
    this.#bytes.writeInt8(value, at)
  }

  int16(value: number): void {
    const at = this.#grow(2)
    this.#bytes.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#grow(4)
    this.#bytes.writeInt32BE(value, at)
  }

  /** A safe integer as 64 bits. */
  int64(value: number): void {
    const at = this.#grow(8)
    this.#bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
    this.#bytes.writeUInt32BE(value >>> 0, at + 4)
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  uvarint(value: number): void {
    this.#length = this.#putVarint(this.#grow(5), value)
  }

  /** Says where it ends. */
  #putVarint(from: number, value: number): number {
    let at = from
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[at++] = rest
    return at
  }

  /** Zigzag, 32 bit. */
  varint(value: number): void {
    this.uvarint(zigzag(value))
  }

  /** 16 bytes. */
  uuid(value: Uint8Array): void {
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    const at = this.#grow(value.length)
    this.#bytes.set(value, at)
  }

  /** A string of a record: zigzag length, then UTF-8. Short ASCII, as nearly all are, needs no native call. */
  varintString(value: string): void {
    const { length } = value
    if (length > 48) return this.#longVarintString(value)
    this.varint(length)
    const at = this.#grow(length)
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index)
      if (code >= 0x80) {
        this.#length = at - 1
        return this.#longVarintString(value)
      }
      this.#bytes[at + index] = code
    }
  }

  #longVarintString(value: string): void {
    const length = Buffer.byteLength(value)
    this.varint(length)
    const at = this.#grow(length)
    this.#bytes.write(value, at, 'utf8')
  }

  compactString(value: string): void {
    const length = Buffer.byteLength(value)
    this.uvarint(length + 1)
    const at = this.#grow(length)
    this.#bytes.write(value, at, 'utf8')
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0)
    else this.compactString(value)
  }

  compactArray<T>(values: readonly T[], write: (value: T) => void): void {
    this.uvarint(values.length + 1)
    for (const value of values) write(value)
  }

  noTags(): void {
    this.uvarint(0)
  }

  /** Leaves `bytes` free, to be filled by `patch…`, and says where. */
  reserve(bytes: number): number {
    return this.#grow(bytes)
  }

  patch32(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value >>> 0, at)
  }

  /** Puts the zigzag length of all written after `at + reserved` into the bytes reserved there, moving it if it must. */
  patchLength(at: number, reserved: number): void {
    const body = at + reserved
    const size = this.#length - body
    const width = varintWidth(size)
    if (width !== reserved) {
      const end = this.#length
      if (width > reserved) this.#grow(width - reserved)
      this.#bytes.copyWithin(at + width, body, end)
    }
    // In place: growing here would leave the body behind.
    this.#putVarint(at, zigzag(size))
    this.#length = at + width + size
  }

  /** Makes room and says where. The buffer may be another one afterwards, so this comes before any use of it. */
  #grow(by: number): number {
    const at = this.#length
    this.#length += by
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }
}

function zigzag(value: number): number {
  return (value << 1) ^ (value >> 31)
}

/** How many bytes a zigzag varint takes. */
export function varintWidth(value: number): number {
  let rest = zigzag(value) >>> 0
  let width = 1
  for (; rest >= 0x80; rest >>>= 7) width += 1
  return width
}

export class WireReader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  int8(): number {
    const value = this.bytes.readInt8(this.at)
    this.at += 1
    return value
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.at)
    this.at += 2
    return value
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.at)
    this.at += 4
    return value
  }

  uint32(): number {
    const value = this.bytes.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  /** As a number: exact for what Kafka means by an offset, a time or a producer id. */
  int64(): number {
    return this.int32() * 0x1_0000_0000 + this.uint32()
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new RangeError('a number reaches past the end of its message')
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new RangeError('a variable-length number has more than five bytes')
  }

  varint(): number {
    const value = this.uvarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** Zigzag, 64 bit: only passed over. */
  skipVarlong(): void {
    for (let read = 0; read < 10; read += 1) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new RangeError('a number reaches past the end of its message')
      if (byte < 0x80) return
    }
    throw new RangeError('a variable-length number has more than ten bytes')
  }

  uuid(): Buffer {
    return this.raw(16)
  }

  /** UTF-8 without a view between. */
  utf8(length: number): string {
    const start = this.at
    this.at = start + length
    if (this.at > this.bytes.length) throw new RangeError('a field reaches past the end of its message')
    return this.bytes.toString('utf8', start, this.at)
  }

  /** A view, not a copy. */
  raw(length: number): Buffer {
    const end = this.at + length
    if (length < 0 || end > this.bytes.length) throw new RangeError('a field reaches past the end of its message')
    const view = this.bytes.subarray(this.at, end)
    this.at = end
    return view
  }

  compactString(): string {
    return this.compactNullableString() ?? ''
  }

  compactNullableString(): string | null {
    const bytes = this.compactNullableBytes()
    return bytes === null ? null : bytes.toString('utf8')
  }

  compactNullableBytes(): Buffer | null {
    const length = this.uvarint()
    return length === 0 ? null : this.raw(length - 1)
  }

  compactArray<T>(read: () => T): T[] {
    const length = this.uvarint()
    const values: T[] = []
    for (let index = 1; index < length; index += 1) values.push(read())
    return values
  }

  skipTags(): void {
    for (let tags = this.uvarint(); tags > 0; tags -= 1) {
      this.uvarint()
      this.raw(this.uvarint())
    }
  }
}
