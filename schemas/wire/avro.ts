/**
 * Avro types as Lattice reads and writes them: avsc's, made safe for bytes from anywhere and exact about text.
 *
 * Promises, beyond avsc's own:
 * - A length or count that the bytes cannot hold fails before anything is built for it, read or skipped.
 * - Text that is not UTF-8 fails; lone surrogates, which UTF-8 cannot hold, are written as U+FFFD (`toWellFormed`).
 * - Ints outside 32 bits fail; longs are exact over all safe integers (avsc's are not from 2⁵² on). A map keeps the key `__proto__`. Bytes are any Uint8Array, and come back as a copy.
 * - Records are plain objects, unions are unwrapped.
 */
import { isUtf8 } from 'node:buffer'
import avsc from 'avsc'
import { createRepeatedTexts } from './repeated-texts.ts'

export type AvroType = avsc.Type
export type AvroResolver = ReturnType<AvroType['createResolver']>

/** The type of a schema given as JSON text. Throws what avsc says of a schema that is none. */
export function avroType(schema: string, options: { wrapUnions: boolean } = { wrapUnions: false }): AvroType {
  return avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema, { ...options, omitRecordMethods: true, typeHook })
}

/** avsc's cursor over bytes, and the three methods each of its types is made of: stable through all of version 5. */
interface Tap {
  readonly buf: Buffer & { utf8Slice(start: number, end: number): string }
  pos: number
  readLong(): number
  skipLong(): void
  writeString(text: string): void
  writeBytes(bytes: Uint8Array): void
}
interface Part {
  _read(tap: Tap): unknown
  _skip(tap: Tap): void
  _write(tap: Tap, value: unknown): void
  _check(value: unknown, flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean
}
type Options = Partial<avsc.ForSchemaOptions>
const base = avsc.types as unknown as {
  readonly StringType: new () => Part
  readonly BytesType: new () => Part
  readonly IntType: new () => Part
  readonly LongType: new () => Part
  readonly EnumType: new (schema: object, options: Options) => Part & { readonly symbols: readonly string[] }
  readonly ArrayType: new (schema: object, options: Options) => Part & { readonly itemsType: Part }
  readonly MapType: new (schema: object, options: Options) => Part & { readonly valuesType: Part }
  readonly RecordType: new (
    schema: object,
    options: Options,
  ) => Part & { readonly recordConstructor: { prototype: object } }
}

class Text extends base.StringType {
  override _read(tap: Tap): string {
    const start = readLength(tap)
    const known = repeated.find(tap.buf, start, tap.pos)
    if (known !== undefined) return known
    const text = tap.buf.utf8Slice(start, tap.pos)
    repeated.keep(tap.buf, start, tap.pos, text)
    if (text.includes('\ufffd') && !isUtf8(tap.buf.subarray(start, tap.pos))) throw new Error('text is not UTF-8')
    return text
  }
  override _skip(tap: Tap): void {
    readLength(tap)
  }
  override _write(tap: Tap, value: unknown): void {
    if (typeof value !== 'string') throw new TypeError('not a string')
    tap.writeString(value.isWellFormed() ? value : value.toWellFormed())
  }
}

class Bytes extends base.BytesType {
  override _read(tap: Tap): Uint8Array {
    const start = readLength(tap)
    return new Uint8Array(tap.buf.subarray(start, tap.pos))
  }
  override _skip(tap: Tap): void {
    readLength(tap)
  }
  override _write(tap: Tap, value: unknown): void {
    if (!(value instanceof Uint8Array)) throw new TypeError('not bytes')
    tap.writeBytes(asBuffer(value))
  }
  override _check(value: unknown, flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    return super._check(value instanceof Uint8Array ? asBuffer(value) : value, flags, hook)
  }
}

class Int extends base.IntType {
  override _read(tap: Tap): number {
    const value = tap.readLong()
    if (value !== (value | 0)) throw new Error('an int of more than 32 bits')
    return value
  }
}

class Long extends base.LongType {
  override _read(tap: Tap): number {
    const start = tap.pos
    const value = tap.readLong()
    return Math.abs(value) < exactInFloats ? value : exactLong(tap.buf.subarray(start, tap.pos))
  }
  override _write(tap: Tap, value: unknown): void {
    if (!Number.isSafeInteger(value)) throw new TypeError('not a safe integer')
    if (Math.abs(value as number) < exactInFloats) return super._write(tap, value)
    for (let left = BigInt.asUintN(64, zigzag(BigInt(value as number))); ; left >>= 7n) {
      tap.buf[tap.pos++] = Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0)
      if (left <= 0x7fn) return
    }
  }
  override _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    const safe = Number.isSafeInteger(value)
    if (!safe) hook?.(value, this)
    return safe
  }
}

class Enum extends base.EnumType {
  override _write(tap: Tap, value: unknown): void {
    if (!this.symbols.includes(value as string)) throw new TypeError('not a symbol')
    super._write(tap, value)
  }
  override _check(value: unknown, flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    const known = this.symbols.includes(value as string)
    if (!known) hook?.(value, this)
    return known
  }
}

class List extends base.ArrayType {
  override _read(tap: Tap): unknown[] {
    const items = this.itemsType
    const list: unknown[] = []
    for (let count = readCount(tap); count > 0; count = readCount(tap)) {
      while (count-- > 0) list.push(items._read(tap))
    }
    return list
  }
  override _skip(tap: Tap): void {
    skipBlocks(tap, () => this.itemsType._skip(tap))
  }
}

class Dictionary extends base.MapType {
  override _read(tap: Tap): Record<string, unknown> {
    const values = this.valuesType
    const entries: Record<string, unknown> = {}
    for (let count = readCount(tap); count > 0; count = readCount(tap)) {
      while (count-- > 0) {
        const key = text._read(tap)
        if (key === '__proto__') Object.defineProperty(entries, key, { ...own, value: values._read(tap) })
        else entries[key] = values._read(tap)
      }
    }
    return entries
  }
  override _skip(tap: Tap): void {
    skipBlocks(tap, () => {
      text._skip(tap)
      this.valuesType._skip(tap)
    })
  }
  override _write(tap: Tap, value: unknown): void {
    super._write(tap, value !== null && typeof value === 'object' ? wellFormedKeys(value) : value)
  }
}

const repeated = createRepeatedTexts()
const own = { writable: true, enumerable: true, configurable: true }
const text = new Text()
const bytes = new Bytes()
const int = new Int()
const long = new Long()

function typeHook(schema: avsc.Schema, options: Options): AvroType | undefined {
  const hooked = hookedPart(schema, options)
  return hooked as unknown as AvroType | undefined
}

function hookedPart(schema: avsc.Schema, options: Options): Part | undefined {
  const kind: unknown = typeof schema === 'object' && 'type' in schema ? schema.type : schema
  if (kind === 'string') return text
  if (kind === 'bytes') return bytes
  if (kind === 'int') return int
  if (kind === 'long') return long
  if (typeof schema !== 'object') return undefined
  if (kind === 'array') return new List(schema, options)
  if (kind === 'map') return new Dictionary(schema, options)
  if (kind === 'enum') return new Enum(schema, options)
  if (kind !== 'record') return undefined
  const record = new base.RecordType(schema, options)
  record.recordConstructor.prototype = Object.prototype
  return record
}

/** Reads a length, moves the tap behind what it spans, and gives where that starts. */
function readLength(tap: Tap): number {
  const length = tap.readLong()
  const start = tap.pos
  if (!(length >= 0 && length <= tap.buf.length - start)) throw new Error('a length beyond the end')
  tap.pos = start + length
  return start
}

/** Reads a block's count; an item takes at least a byte in every schema worth reading, so the rest bounds it. */
function readCount(tap: Tap): number {
  const count = tap.readLong()
  if (count < 0) tap.skipLong()
  return checkedCount(tap, Math.abs(count))
}

function skipBlocks(tap: Tap, skipItem: () => void): void {
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    if (count < 0) readLength(tap)
    else for (let left = checkedCount(tap, count); left > 0; left--) skipItem()
  }
}

function checkedCount(tap: Tap, count: number): number {
  if (!(count <= tap.buf.length - tap.pos)) throw new Error('a count beyond the end')
  return count
}

/** Zigzag doubles a number, so floats hold it exactly up to here. */
const exactInFloats = 2 ** 52

function zigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value
}

function exactLong(bytes: Uint8Array): number {
  if (bytes.length > 10) throw new Error('a long of more than 64 bits')
  const zigzag = bytes.reduceRight((value, byte) => (value << 7n) | BigInt(byte & 0x7f), 0n)
  const value = Number(zigzag & 1n ? -(zigzag >> 1n) - 1n : zigzag >> 1n)
  if (!Number.isSafeInteger(value)) throw new Error('a long beyond the safe integers')
  return value
}

function wellFormedKeys(value: object): object {
  const keys = Object.keys(value)
  if (keys.every((key) => key.isWellFormed())) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]: [string, unknown]) => [key.toWellFormed(), entry]))
}

export function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
