/**
 * Events as bytes and back: Avro in the Confluent wire format, 0, the schema's id in 32 bits (big-endian), the body.
 *
 * Promises:
 * - `encode` writes the newest version of a type, and refuses data that does not fit it, naming the field. Text is made
 *   well formed on the way (a lone surrogate becomes U+FFFD), so that what is read equals what every reader reads.
 * - `decode` gives the newest version from the bytes of any older or newer one, whole or not at all: what is not exactly
 *   one value is a `WireError`, whatever the bytes are, in time and memory bounded by their length.
 * - Both are synchronous; only a schema nobody has met yet has to be waited for, by `learn`.
 */
import { catalog, eventTypes, type EventType } from '#schemas/catalog.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import type { EventData } from '#schemas/generated.ts'
import { asBuffer, avroType, type AvroResolver, type AvroType } from './avro.ts'
import type { SchemaIds } from './schema-ids.ts'
import { WireError } from './wire-error.ts'

export interface Codec {
  /** Errors: `invalid`. */
  encode<Type extends EventType>(type: Type, data: EventData[Type]): Uint8Array
  /** Errors: `undecodable`, `unknown-schema` (then `learn` and try again). Unknown fields of newer writers are left out. */
  decode<Type extends EventType>(type: Type, value: Uint8Array): EventData[Type]
  /** Finds out the schema behind an id; false when nobody knows it. Errors: those of the ids. */
  learn(schemaId: number): Promise<boolean>
  /** The id that `encode` writes for a type: that of its newest version. */
  schemaIdOf(type: EventType): number
}

/** The schema id of a value; undefined when it is not in the wire format. */
export function schemaIdIn(value: Uint8Array): number | undefined {
  if (value.length < headBytes || value[0] !== 0) return undefined
  return value[1]! * 0x1000000 + ((value[2]! << 16) | (value[3]! << 8) | value[4]!)
}

export const headBytes = 5

interface TypeCodec {
  readonly type: EventType
  readonly newestId: number
  readonly newest: string
  /** Made on first use, as a process rarely meets every type. */
  reader?: AvroType
  readonly resolvers: Map<number, AvroResolver | 'same'>
}

/** Registers every version of every type under `<topic>-<type>`, oldest first. Errors: those of the ids. */
export async function openCodec(ids: SchemaIds): Promise<Codec> {
  const writers = new Map<number, string>()
  const learning = new Map<number, Promise<boolean>>()
  const codecs = new Map(await Promise.all(eventTypes.map((type) => register(type, ids, writers))))
  const slabs = openSlabs()

  async function ask(schemaId: number): Promise<boolean> {
    const schema = await ids.schemaOf(schemaId)
    if (schema === undefined) return false
    writers.set(schemaId, schema)
    return true
  }

  return {
    encode(type, data) {
      const codec = codecOf(codecs, type)
      return slabs.write(codec.newestId, (codec.reader ??= avroType(codec.newest)), { type, data })
    },

    decode<Type extends EventType>(type: Type, value: Uint8Array): EventData[Type] {
      const schemaId = schemaIdIn(value)
      if (schemaId === undefined) throw new WireError('undecodable', 'not in the Confluent wire format')
      const codec = codecOf(codecs, type)
      const reader = (codec.reader ??= avroType(codec.newest))
      const resolver = schemaId === codec.newestId ? undefined : resolverOf(codec, schemaId, writers)
      return readWhole(reader, resolver, { type, value }) as EventData[Type]
    },

    learn(schemaId) {
      if (writers.has(schemaId)) return Promise.resolve(true)
      const underWay = learning.get(schemaId) ?? ask(schemaId).finally(() => learning.delete(schemaId))
      learning.set(schemaId, underWay)
      return underWay
    },

    schemaIdOf: (type) => codecOf(codecs, type).newestId,
  }
}

async function register(
  type: EventType,
  ids: SchemaIds,
  writers: Map<number, string>,
): Promise<[EventType, TypeCodec]> {
  let newest = { schema: '', id: 0 }
  for (const schema of schemaVersions[type]) {
    newest = { schema, id: await ids.idOf(`${catalog[type].topic}-${type}`, schema) }
    writers.set(newest.id, schema)
  }
  return [type, { type, newestId: newest.id, newest: newest.schema, resolvers: new Map() }]
}

function codecOf(codecs: ReadonlyMap<EventType, TypeCodec>, type: EventType): TypeCodec {
  const codec = codecs.get(type)
  if (codec === undefined) throw new WireError('undecodable', `there is no event type ${type}`)
  return codec
}

function resolverOf(
  codec: TypeCodec,
  schemaId: number,
  writers: ReadonlyMap<number, string>,
): AvroResolver | undefined {
  const known = codec.resolvers.get(schemaId)
  if (known !== undefined) return known === 'same' ? undefined : known
  const schema = writers.get(schemaId)
  if (schema === undefined) throw new WireError('unknown-schema', `nobody knows schema ${schemaId}`, { schemaId })
  const made = resolver(codec, schema)
  codec.resolvers.set(schemaId, made)
  return made === 'same' ? undefined : made
}

function resolver(codec: TypeCodec, schema: string): AvroResolver | 'same' {
  try {
    const reader = (codec.reader ??= avroType(codec.newest))
    const writer = avroType(schema, { wrapUnions: true })
    return reader.equals(writer) ? 'same' : reader.createResolver(writer)
  } catch (cause) {
    throw new WireError('undecodable', `its schema cannot be read as ${codec.type}`, { cause })
  }
}

function readWhole(
  reader: AvroType,
  by: AvroResolver | undefined,
  from: { type: EventType; value: Uint8Array },
): unknown {
  let read: { value: unknown; offset: number }
  try {
    read = reader.decode(asBuffer(from.value), headBytes, by)
  } catch (cause) {
    throw new WireError('undecodable', `not a ${from.type}: ${reasonOf(cause)}`, { cause })
  }
  if (read.offset === from.value.length) return read.value
  throw new WireError('undecodable', `not a ${from.type}: ${read.offset < 0 ? 'truncated' : 'trailing bytes'}`)
}

/** Values are written one behind the other into slabs and handed out as views: no copy, no waste but a slab's end. */
function openSlabs() {
  const slabBytes = 64 * 1024
  let slab = Buffer.allocUnsafeSlow(slabBytes)
  let used = 0

  return {
    write(schemaId: number, writer: AvroType, event: { type: EventType; data: unknown }): Uint8Array {
      if (used + headBytes > slab.length) fresh(slabBytes)
      let end = encodeAt(writer, event, slab, used + headBytes)
      if (end < 0) {
        const bytes = slab.length - end - used
        if (bytes > slabBytes / 4) return alone(schemaId, writer, event, bytes)
        fresh(slabBytes)
        end = encodeAt(writer, event, slab, headBytes)
      }
      const value = slab.subarray(used, end)
      used = end
      return headed(value, schemaId)
    },
  }

  function fresh(bytes: number): void {
    slab = Buffer.allocUnsafeSlow(bytes)
    used = 0
  }
}

function alone(
  schemaId: number,
  writer: AvroType,
  event: { type: EventType; data: unknown },
  bytes: number,
): Uint8Array {
  const value = Buffer.allocUnsafeSlow(bytes)
  encodeAt(writer, event, value, headBytes)
  return headed(value, schemaId)
}

function headed(value: Buffer, schemaId: number): Buffer {
  value[0] = 0
  value[1] = schemaId >>> 24
  value[2] = schemaId >>> 16
  value[3] = schemaId >>> 8
  value[4] = schemaId
  return value
}

/** Where the value ends; when the buffer is too small, minus the number of bytes that were missing. */
function encodeAt(writer: AvroType, event: { type: EventType; data: unknown }, into: Buffer, at: number): number {
  try {
    return writer.encode(event.data, into, at)
  } catch {
    // avsc's own error would carry the value.
    throw new WireError(
      'invalid',
      `${event.type}${misfit(writer, event.data) ?? ': data that does not fit its schema'}`,
    )
  }
}

/** The first field that does not fit, as `.ladder.0.name: string expected, number given`. */
function misfit(writer: AvroType, data: unknown): string | undefined {
  let first: string | undefined
  writer.isValid(data, {
    errorHook: (path: string[], given: unknown, type: AvroType) => {
      first ??= `${path.map((part) => `.${part}`).join('')}: ${expected(type)} expected, ${kindOf(given)} given`
    },
  })
  return first
}

function expected(type: AvroType): string {
  const schema = type.schema() as unknown
  if (Array.isArray(schema)) return schema.map((branch) => nameOf(branch)).join(' or ')
  return nameOf(schema)
}

function nameOf(schema: unknown): string {
  if (typeof schema === 'string') return schema
  const { name, type } = schema as { name?: string; type: string }
  return name === undefined ? type : `${type} ${name}`
}

function kindOf(given: unknown): string {
  if (given === null) return 'null'
  if (Array.isArray(given)) return 'array'
  return typeof given
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'no reason given'
}
