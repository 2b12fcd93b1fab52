/**
 * The event log on Redis Streams: one stream a partition, appended to by a script that gives contiguous ids.
 *
 * Promises: those of the port. What is acknowledged is as durable as that Redis is set to be, and `durability` says how
 * much that is; a retried append is written once (R6); a server that was emptied, restored or swapped is noticed (R5).
 */
import {
  type AppendOptions,
  type EventLog,
  type NewRecord,
  type ReadOptions,
  type StoredRecord,
  partitionOf,
  recordLimits,
} from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { sizeOf } from '#processors/ports/record-size.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import { createDoorbell } from './doorbell.ts'
import { readPartition } from './partition-reader.ts'
import { type PartitionWriter, createPartitionWriter } from './partition-writer.ts'
import { closedFailure } from './redis-connection.ts'
import { type HistoryOptions, type Partition, openHistory } from './redis-history.ts'
import { packRecords } from './stream-record.ts'

/** Appends under way get this long to settle when the log is closed, ms. */
const CLOSE_GRACE_MS = 5_000

export async function openRedisEventLog(options: HistoryOptions): Promise<EventLog> {
  const history = await openHistory(options)
  const doorbell = createDoorbell({ url: options.url, redis: history.redis })
  const writers = new Map<Partition, PartitionWriter>()
  const closing = new AbortController()

  async function append(
    topic: Topic,
    records: readonly NewRecord[],
    options?: AppendOptions,
  ): Promise<readonly Position[]> {
    if (closing.signal.aborted) throw closedFailure(history.redis.address)
    if (records.length === 0) return []
    if (records.length > recordLimits.records) throw tooLarge(`${records.length} records`)
    const shares = shared(records, history.partitions(topic))
    const packed = shares.map((share) => packRecords(share.records))
    // Packed they are a little larger than what counts.
    if (packed.reduce((sum, { bytes }) => sum + bytes.length, 0) > recordLimits.bytes) checkSize(records)
    const done = await Promise.allSettled(
      packed.map(async (records, i) => {
        const partition = history.partition(topic, shares[i]?.partition ?? 0)
        return await writerOf(partition).append(records, options?.patienceMs)
      }),
    )
    return positionsOf(topic, shares, done)
  }

  function writerOf(partition: Partition): PartitionWriter {
    const known = writers.get(partition)
    if (known !== undefined) return known
    const writer = createPartitionWriter(history, partition)
    writers.set(partition, writer)
    return writer
  }

  function read(from: Position, options: ReadOptions = {}): AsyncIterable<readonly StoredRecord[]> {
    const signal = options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal])
    // The topic of a position is unchecked text: `partition` refuses one that this log does not have.
    const partition = history.partition(from.topic as Topic, from.partition)
    return readPartition(history, partition, { ...options, from: from.offset, doorbell, signal })
  }

  async function bounds(topic: Topic) {
    const partitions = Array.from({ length: history.partitions(topic) }, (_, n) => history.partition(topic, n))
    return await Promise.all(partitions.map((partition) => history.bounds(partition)))
  }

  async function close(): Promise<void> {
    closing.abort()
    await Promise.all([...writers.values()].map((writer) => writer.settle(CLOSE_GRACE_MS)))
    doorbell.close()
    history.redis.close()
  }

  const { id, durability, partitions } = history
  return { id, backend: 'redis', durability, partitions, append, read, bounds, close }
}

interface Share {
  readonly partition: number
  readonly records: NewRecord[]
  /** Where each stands in the call. */
  readonly places: number[]
}

function shared(records: readonly NewRecord[], partitions: number): readonly Share[] {
  const shares = new Map<number, Share>()
  records.forEach((record, place) => {
    const partition = partitionOf(record.key, partitions)
    const share = shares.get(partition) ?? { partition, records: [], places: [] }
    share.records.push(record)
    share.places.push(place)
    shares.set(partition, share)
  })
  return [...shares.values()]
}

/** When one partition has its records and another has not, the call as a whole may have been written. */
function positionsOf(
  topic: Topic,
  shares: readonly Share[],
  done: readonly PromiseSettledResult<number>[],
): readonly Position[] {
  const reasons = done.flatMap((result) => (result.status === 'rejected' ? [result.reason as Failure] : []))
  const [reason] = reasons
  if (reason !== undefined) {
    const unknown = reasons.find(({ code }) => code === 'append.outcome-unknown')
    if (unknown !== undefined || reasons.length === done.length) throw unknown ?? reason
    throw new Failure('append.outcome-unknown', `a part of the records was written; the rest: ${reason.message}`, {
      remedy: 'Send the same records again; what was written twice is recognised by its id.',
      cause: reason,
    })
  }
  const positions: Position[] = []
  shares.forEach(({ partition, places }, i) => {
    const result = done[i]
    const first = result?.status === 'fulfilled' ? result.value : 0
    places.forEach((place, n) => (positions[place] = { topic, partition, offset: first + n }))
  })
  return positions
}

function checkSize(records: readonly NewRecord[]): void {
  const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
  if (bytes > recordLimits.bytes) throw tooLarge(`${bytes} bytes`)
}

function tooLarge(what: string): Failure {
  const { records, bytes } = recordLimits
  return new Failure('record.too-large', `an append takes at most ${records} records and ${bytes} bytes, not ${what}`)
}
