/**
 * The Kafka requests Lattice makes itself, because kafkajs has no version of them that names a topic by its id.
 *
 * Promise: a topic that was deleted and made again is told apart by its id (KIP-516), in each fetch and, on brokers from
 * 4.0 on, in each produce. Versions: Metadata 12, ListOffsets 7, InitProducerId 3, Produce 9 or 13, Fetch 13; that is
 * Kafka 3.1 or newer.
 * Source: https://kafka.apache.org/protocol#protocol_messages
 */
import type { WireReader, WireWriter } from './wire.ts'

export interface WireRequest<Answer> {
  readonly name: string
  readonly key: number
  readonly version: number
  readonly encode: (wire: WireWriter) => void
  readonly decode: (reader: WireReader) => Answer
  /** How long to wait for the answer; the connection's own limit when that is longer. */
  readonly timeoutMs?: number
}

/** The key of each request and the one version spoken, of which a broker must know all but `produceById`. */
export const versions = {
  produce: { key: 0, version: 9 },
  fetch: { key: 1, version: 13 },
  listOffsets: { key: 2, version: 7 },
  metadata: { key: 3, version: 12 },
  initProducerId: { key: 22, version: 3 },
  produceById: { key: 0, version: 13 },
} as const

export interface Metadata {
  readonly nodes: readonly { readonly id: number; readonly host: string; readonly port: number }[]
  readonly clusterId: string
  readonly controllerId: number
  readonly topics: readonly TopicMetadata[]
}

export interface TopicMetadata {
  readonly errorCode: number
  readonly name: string
  /** 32 hex digits. */
  readonly id: string
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly errorCode: number
  readonly partition: number
  /** Node id; -1 while there is none. */
  readonly leader: number
  readonly replicas: number
}

const anyTopicId = Buffer.alloc(16)

export function metadata(topics: readonly string[]): WireRequest<Metadata> {
  return {
    name: 'Metadata',
    ...versions.metadata,
    encode(wire) {
      wire.compactArray(topics, (topic) => {
        wire.uuid(anyTopicId)
        wire.compactNullableString(topic)
        wire.noTags()
      })
      wire.boolean(false)
      wire.boolean(false)
      wire.noTags()
    },
    decode(reader) {
      reader.int32()
      const nodes = reader.compactArray(() => {
        const node = { id: reader.int32(), host: reader.compactString(), port: reader.int32() }
        reader.compactNullableString()
        reader.skipTags()
        return node
      })
      const clusterId = reader.compactString()
      const controllerId = reader.int32()
      return { nodes, clusterId, controllerId, topics: reader.compactArray(() => readTopic(reader)) }
    },
  }
}

function readTopic(reader: WireReader): TopicMetadata {
  const errorCode = reader.int16()
  const name = reader.compactString()
  const id = reader.uuid().toString('hex')
  reader.boolean()
  const partitions = reader.compactArray(() => {
    const head = { errorCode: reader.int16(), partition: reader.int32(), leader: reader.int32() }
    reader.int32()
    const replicas = reader.compactArray(() => reader.int32()).length
    reader.compactArray(() => reader.int32())
    reader.compactArray(() => reader.int32())
    reader.skipTags()
    return { ...head, replicas }
  })
  reader.int32()
  reader.skipTags()
  return { errorCode, name, id, partitions: partitions.sort((a, b) => a.partition - b.partition) }
}

export interface ListedOffset {
  readonly partition: number
  readonly errorCode: number
  readonly offset: number
}

/** The first offset kept, or the one the next record will get, of partitions one node leads. */
export function listOffsets(
  topic: string,
  options: { partitions: readonly number[]; of: 'first' | 'next' },
): WireRequest<ListedOffset[]> {
  return {
    name: 'ListOffsets',
    ...versions.listOffsets,
    encode(wire) {
      wire.int32(-1)
      wire.int8(0)
      wire.compactArray([topic], () => {
        wire.compactString(topic)
        wire.compactArray(options.partitions, (partition) => {
          wire.int32(partition)
          wire.int32(-1)
          wire.int64(options.of === 'first' ? -2 : -1)
          wire.noTags()
        })
        wire.noTags()
      })
      wire.noTags()
    },
    decode(reader) {
      reader.int32()
      const topics = reader.compactArray(() => {
        reader.compactString()
        const partitions = reader.compactArray(() => {
          const head = { partition: reader.int32(), errorCode: reader.int16() }
          reader.int64()
          const offset = reader.int64()
          reader.int32()
          reader.skipTags()
          return { ...head, offset }
        })
        reader.skipTags()
        return partitions
      })
      return topics.flat()
    },
  }
}

export interface ProducerId {
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

export function initProducerId(): WireRequest<ProducerId> {
  return {
    name: 'InitProducerId',
    ...versions.initProducerId,
    encode(wire) {
      wire.compactNullableString(null)
      wire.int32(60_000)
      wire.int64(-1)
      wire.int16(-1)
      wire.noTags()
    },
    decode(reader) {
      reader.int32()
      return { errorCode: reader.int16(), producerId: reader.int64(), producerEpoch: reader.int16() }
    },
  }
}

/** A topic as a request names it: by id where the broker knows how, else by name. */
export interface TopicName {
  readonly name: string
  /** 32 hex digits. */
  readonly id: string
}
