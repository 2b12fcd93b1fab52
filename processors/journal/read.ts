import type { StoredRecord } from '#processors/ports/event-log.ts'
import { isEventType } from '#schemas/catalog.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { Envelope, EventData } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import { schemaIdIn } from '#schemas/wire/codec.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { fromHeaders } from '#schemas/wire/headers.ts'
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
      decoded.push({
        bad: type === undefined ? 'not an event: no ce_type header' : `unknown event type ${type}`,
        type,
        position,
        record,
      })
      continue
    }
    const accepted = options.accepted?.(record.offset) ?? true
    const one = decodeOne(codec, type, { record, position, accepted })
    decoded.push(
      one instanceof WireError ? await learnAndDecode(codec, type, { record, position, accepted }, one) : one,
    )
  }
  return decoded
}

interface Placed {
  readonly record: StoredRecord
  readonly position: Position
  readonly accepted: boolean
}

function decodeOne(codec: Codec, type: EventType, placed: Placed): Decoded | WireError {
  const envelope = fromHeaders(placed.record.headers)
  if (envelope === undefined) {
    return { bad: 'malformed event headers', type, position: placed.position, record: placed.record }
  }
  try {
    return { type, data: codec.decode(type, placed.record.value), envelope, ...placed } as AnyStoredEvent
  } catch (error) {
    if (error instanceof WireError && error.code === 'unknown-schema') return error
    return {
      bad: error instanceof Error ? error.message : String(error),
      type,
      position: placed.position,
      record: placed.record,
    }
  }
}

async function learnAndDecode(codec: Codec, type: EventType, placed: Placed, unknown: WireError): Promise<Decoded> {
  const again = await codec.learn(schemaIdIn(placed.record.value) ?? -1).then(
    () => decodeOne(codec, type, placed),
    (error: unknown) => {
      if (error instanceof WireError) return error
      throw error
    },
  )
  if (!(again instanceof WireError)) return again
  return { bad: unknown.message, type, position: placed.position, record: placed.record, unknownSchema: true }
}
