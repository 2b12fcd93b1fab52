import type { StoredRecord } from '#processors/ports/event-log.ts'
import { isEventType } from '#schemas/catalog.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { Envelope, EventData } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import { schemaIdIn } from '#schemas/wire/codec.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { fromHeaders, isEnvelope } from '#schemas/wire/headers.ts'
import { WireError } from '#schemas/wire/wire-error.ts'

/**
 * The one way off the log: records of a batch become events, decoded once, and only where somebody handles their type.
 *
 * Promise: a record that is no event, or cannot be decoded, becomes a `BadRecord` with the reason; nothing throws.
 * Only an unreachable schema registry rejects (`schema.unavailable`), because that is no fault of the record.
 */
export interface StoredEvent<Type extends EventType = EventType> {
  readonly type: Type
  readonly data: EventData[Type]
  readonly envelope: Envelope
  readonly position: Position
  readonly accepted: boolean
  readonly record: StoredRecord
}

/** Any stored event, its data known by its type. */
export type AnyStoredEvent = { [Type in EventType]: StoredEvent<Type> }[EventType]

export interface BadRecord {
  readonly bad: string
  readonly type: string | undefined
  readonly position: Position
  readonly record: StoredRecord
  /** Nobody here knows the schema it was written with: a newer version may have. */
  readonly unknownSchema?: boolean
}

export type Decoded = AnyStoredEvent | BadRecord

export interface DecodeOptions {
  readonly topic: Topic
  readonly partition: number
  /** Whether this type is handled; asked for known types only. */
  readonly wants: (type: EventType) => boolean
  /** Report records that are no known event too: for the one store that keeps everything. */
  readonly strangers?: boolean
  /** The referee's word; true where the topic has no chains. */
  readonly accepted?: (offset: number) => boolean
}

export async function decodeRecords(
  codec: Codec,
  records: readonly StoredRecord[],
  options: DecodeOptions,
): Promise<Decoded[]> {
  const decoded: Decoded[] = []
  for (const record of records) {
    const type = record.headers['ce_type']
    const known = type !== undefined && isEventType(type)
    if (known ? !options.wants(type) : options.strangers !== true) continue
    const position = { topic: options.topic, partition: options.partition, offset: record.offset }
    if (!known) {
      const bad = type === undefined ? 'not an event: no ce_type header' : `unknown event type ${type}`
      decoded.push({ bad, type, position, record })
      continue
    }
    const placed = { type, record, position, accepted: options.accepted?.(record.offset) ?? true }
    const one = decodeOne(codec, placed)
    decoded.push(one instanceof WireError ? await learnAndDecode(codec, placed, one) : one)
  }
  return decoded
}

interface Placed {
  readonly type: EventType
  readonly record: StoredRecord
  readonly position: Position
  readonly accepted: boolean
}

/** Its headers are known to be an envelope, which is built when somebody asks for it. */
class DecodedEvent implements StoredEvent {
  readonly type: EventType
  readonly data: EventData[EventType]
  readonly position: Position
  readonly accepted: boolean
  readonly record: StoredRecord
  #envelope: Envelope | undefined

  constructor({ type, record, position, accepted }: Placed, data: EventData[EventType]) {
    this.type = type
    this.data = data
    this.position = position
    this.accepted = accepted
    this.record = record
  }

  get envelope(): Envelope {
    return (this.#envelope ??= fromHeaders(this.record.headers) as Envelope)
  }
}

function decodeOne(codec: Codec, placed: Placed): Decoded | WireError {
  const { type, position, record } = placed
  if (!isEnvelope(record.headers)) return { bad: 'malformed event headers', type, position, record }
  try {
    return new DecodedEvent(placed, codec.decode(type, record.value)) as AnyStoredEvent
  } catch (error) {
    if (error instanceof WireError && error.code === 'unknown-schema') return error
    return { bad: error instanceof Error ? error.message : String(error), type, position, record }
  }
}

async function learnAndDecode(codec: Codec, placed: Placed, unknown: WireError): Promise<Decoded> {
  const { type, position, record } = placed
  const again = await codec.learn(schemaIdIn(record.value) ?? -1).then(
    () => decodeOne(codec, placed),
    (error: unknown) => {
      if (error instanceof WireError) return error
      throw error
    },
  )
  return again instanceof WireError ? { bad: unknown.message, type, position, record, unknownSchema: true } : again
}
