/**
 * The two requests that carry records: produce and fetch.
 *
 * Promise: a fetch names its topic by id, so it never reads another topic of the same name; a produce does where the
 * broker knows how (from 4.0 on).
 */
import { type TopicName, type WireRequest, versions } from './requests.ts'
import type { WireReader } from './wire.ts'

export interface ProducePartition {
  readonly topic: TopicName
  readonly partition: number
  /** One encoded record batch. */
  readonly batch: Uint8Array
}

export interface ProducedPartition {
  /** Name or id, as it was asked. */
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  /** Offset of the batch's first record. */
  readonly baseOffset: number
  readonly message: string
}

export function produce(
  partitions: readonly ProducePartition[],
  options: { readonly byId: boolean; readonly brokerTimeoutMs: number; readonly timeoutMs: number },
): WireRequest<ProducedPartition[]> {
  const { byId } = options
  return {
    name: 'Produce',
    ...(byId ? versions.produceById : versions.produce),
    timeoutMs: options.timeoutMs,
    encode(wire) {
      wire.compactNullableString(null)
      wire.int16(-1)
      wire.int32(options.brokerTimeoutMs)
      wire.compactArray(byTopic(partitions), ([topic, ofTopic]) => {
        if (byId) wire.uuid(Buffer.from(topic.id, 'hex'))
        else wire.compactString(topic.name)
        wire.compactArray(ofTopic, ({ partition, batch }) => {
          wire.int32(partition)
          wire.uvarint(batch.length + 1)
          wire.raw(batch)
          wire.noTags()
        })
        wire.noTags()
      })
      wire.noTags()
    },
    decode(reader) {
      const topics = reader.compactArray(() => {
        const topic = byId ? reader.uuid().toString('hex') : reader.compactString()
        const answers = reader.compactArray(() => readProduced(reader, topic))
        reader.skipTags()
        return answers
      })
      return topics.flat()
    },
  }
}

function readProduced(reader: WireReader, topic: string): ProducedPartition {
  const head = { topic, partition: reader.int32(), errorCode: reader.int16(), baseOffset: reader.int64() }
  reader.int64()
  reader.int64()
  const messages = reader.compactArray(() => {
    reader.int32()
    const message = reader.compactNullableString() ?? ''
    reader.skipTags()
    return message
  })
  const message = reader.compactNullableString() ?? messages[0] ?? ''
  reader.skipTags()
  return { ...head, message }
}

export interface FetchPartition {
  /** 32 hex digits. */
  readonly topicId: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

export interface FetchedPartition {
  readonly topicId: string
  readonly partition: number
  readonly errorCode: number
  /** The offset the next record will get, as far as all in-sync replicas have it. */
  readonly next: number
  readonly first: number
  /** Whole batches, the first of which may begin before the offset asked for; the last may be cut. */
  readonly records: Buffer
}

export interface Fetched {
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
}

const noRecords = Buffer.alloc(0)

export function fetchRecords(
  partitions: readonly FetchPartition[],
  options: { readonly maxWaitMs: number; readonly maxBytes: number },
): WireRequest<Fetched> {
  return {
    name: 'Fetch',
    ...versions.fetch,
    timeoutMs: options.maxWaitMs + 10_000,
    encode(wire) {
      wire.int32(-1)
      wire.int32(options.maxWaitMs)
      wire.int32(1)
      wire.int32(options.maxBytes)
      wire.int8(0)
      wire.int32(0)
      wire.int32(-1)
      wire.compactArray(byTopicId(partitions), ([topicId, ofTopic]) => {
        wire.uuid(Buffer.from(topicId, 'hex'))
        wire.compactArray(ofTopic, ({ partition, offset, maxBytes }) => {
          wire.int32(partition)
          wire.int32(-1)
          wire.int64(offset)
          wire.int32(-1)
          wire.int64(-1)
          wire.int32(maxBytes)
          wire.noTags()
        })
        wire.noTags()
      })
      wire.compactArray([], () => {})
      wire.compactString('')
      wire.noTags()
    },
    decode(reader) {
      reader.int32()
      const errorCode = reader.int16()
      reader.int32()
      const topics = reader.compactArray(() => {
        const topicId = reader.uuid().toString('hex')
        const answers = reader.compactArray(() => readFetched(reader, topicId))
        reader.skipTags()
        return answers
      })
      return { errorCode, partitions: topics.flat() }
    },
  }
}

function readFetched(reader: WireReader, topicId: string): FetchedPartition {
  const head = { topicId, partition: reader.int32(), errorCode: reader.int16(), next: reader.int64() }
  reader.int64()
  const first = reader.int64()
  reader.compactArray(() => {
    reader.int64()
    reader.int64()
    reader.skipTags()
  })
  reader.int32()
  const records = reader.compactNullableBytes() ?? noRecords
  reader.skipTags()
  return { ...head, first, records }
}

function byTopic(partitions: readonly ProducePartition[]): (readonly [TopicName, ProducePartition[]])[] {
  const grouped = Map.groupBy(partitions, ({ topic }) => topic.id)
  return [...grouped.values()].map((ofTopic) => [(ofTopic[0] as ProducePartition).topic, ofTopic] as const)
}

function byTopicId(partitions: readonly FetchPartition[]): (readonly [string, FetchPartition[]])[] {
  return [...Map.groupBy(partitions, ({ topicId }) => topicId)]
}
