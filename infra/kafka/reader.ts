/**
 * Reads one partition from any offset, without a consumer group.
 *
 * Promises (R5): batches begin exactly where they were asked for and have no hole; the record before the start is
 * compared when its id is given; a start before the first record kept, or beyond the end, is a named stop. A broker that
 * dies or moves is waited for; nothing is skipped and nothing given twice.
 */
import type { PartitionBounds, ReadOptions, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { type KafkaCluster, Unreachable } from './cluster.ts'
import { code, isPassing, nameOf } from './error-codes.ts'
import { Patience, closed } from './patience.ts'
import { DamagedBatch, OffsetGap, decodeBatches } from './record-batch.ts'
import { type FetchedPartition, fetchRecords } from './record-requests.ts'
import { type TopicName, listOffsets } from './requests.ts'
import type { Follower, Tail } from './tail.ts'

export interface ReadFrom {
  readonly topic: TopicName
  readonly partition: number
  readonly offset: number
}

/** What one fetch brought, and the end of the partition as the broker told it along. */
interface Got {
  readonly records: readonly StoredRecord[]
  readonly end: number
}

/** One read, from its first fetch until nobody wants its records any more. */
interface Reading {
  readonly patienceMs: number
  readonly signal: AbortSignal | undefined
  over: boolean
}

/**
 * How much one fetch of one reader brings. Dozens of readers may hold two each while they catch up; and more at once is
 * slower, as it falls out of the processor's cache.
 */
const FETCH_BYTES = 128 * 1024
/** A damaged batch is fetched again this often, in case only its way here was bad. */
const DAMAGED_TRIES = 3

export class Reader {
  readonly #cluster: KafkaCluster
  readonly #tail: Tail
  /** Throws when the history is found to be another one. */
  readonly #guard: () => void
  #closed = false

  constructor(cluster: KafkaCluster, tail: Tail, guard: () => void) {
    this.#cluster = cluster
    this.#tail = tail
    this.#guard = guard
  }

  async *read(from: ReadFrom, options: ReadOptions): AsyncGenerator<readonly StoredRecord[], void, undefined> {
    const { follow = false, batchSize = 1000, signal } = options
    const patienceMs = options.patienceMs ?? (follow ? Infinity : 30_000)
    const reading: Reading = { patienceMs, signal, over: false }
    let follower: Follower | undefined
    try {
      const start = await this.#start(from, options, reading)
      if (start === undefined) return
      const end = follow ? Infinity : start.end
      let next = from.offset
      let got: Got = start
      for (;;) {
        const ahead = this.#ahead(from, { got, end, reading })
        for (const batch of slices(got.records, { batchSize, end })) {
          yield batch
          next += batch.length
          if (this.#ends(reading)) return
        }
        if (next >= end) return
        const at = { ...from, offset: next }
        const more: Got | undefined = await (ahead ?? this.#more(at, follower, reading))
        if (more === undefined) return
        if (more.records.length === 0) {
          if (!follow) throw gap(at, 'the log says there are records, and gives none')
          follower ??= this.#tail.follow(from.topic, from.partition)
        }
        got = more
      }
    } finally {
      reading.over = true
      follower?.leave()
    }
  }

  /** Every read ends, without an error. */
  close(): void {
    this.#closed = true
  }

  /** First offset kept and the next one, of partitions of one topic, in partition order. */
  async bounds(
    topic: TopicName,
    options: { partitions: readonly number[]; patience: Patience },
  ): Promise<PartitionBounds[]> {
    const { partitions, patience } = options
    const first = new Map<number, number>()
    const next = new Map<number, number>()
    for (;;) {
      this.#guard()
      if (this.#closed) throw closed()
      try {
        await Promise.all([
          this.#list(topic, { partitions, of: 'first', into: first }),
          this.#list(topic, { partitions, of: 'next', into: next }),
        ])
        return partitions.map((partition) => ({
          partition,
          first: first.get(partition) ?? 0,
          next: next.get(partition) ?? 0,
        }))
      } catch (error) {
        await this.#recover(error, patience)
      }
    }
  }

  /** The next fetch, made while the reader is busy with this one, where the broker has said that there is more. */
  #ahead(from: ReadFrom, given: { got: Got; end: number; reading: Reading }): Promise<Got | undefined> | undefined {
    const { got, end, reading } = given
    const last = got.records.at(-1)
    if (last === undefined || last.offset + 1 >= Math.min(end, got.end)) return undefined
    const ahead = this.#fetch({ ...from, offset: last.offset + 1 }, reading)
    // The reader may never come back to hear of a failure.
    ahead.catch(() => {})
    return ahead
  }

  #more(at: ReadFrom, follower: Follower | undefined, reading: Reading): Promise<Got | undefined> {
    return follower === undefined ? this.#fetch(at, reading) : this.#tailed(at, follower, reading)
  }

  /** The first records, after the history was checked against what the reader stands on; undefined when aborted. */
  async #start(from: ReadFrom, { after }: ReadOptions, reading: Reading): Promise<Got | undefined> {
    const checks = after !== undefined && from.offset > 0
    const at = { ...from, offset: checks ? from.offset - 1 : from.offset }
    const got = await this.#fetch(at, reading, from.offset)
    if (got === undefined || this.#ends(reading)) return undefined
    const { records } = got
    const end =
      from.offset > got.end ? await this.#confirmEnd(from, new Patience(reading.patienceMs, reading.signal)) : got.end
    if (!checks || records[0]?.offset !== from.offset - 1) return { end, records }
    if (records[0].headers['ce_id'] !== after) throw diverged(from, 'the record before it is another one')
    return { end, records: records.slice(1) }
  }

  /**
   * One fetch, tried until it is answered; undefined when the reading is over. `startsAt` is where the reader begins:
   * when only the record before that is gone, the fetch goes on from there.
   */
  async #fetch(from: ReadFrom, reading: Reading, startsAt = from.offset): Promise<Got | undefined> {
    const patience = new Patience(reading.patienceMs, reading.signal)
    let { offset } = from
    let damaged = 0
    while (!this.#ends(reading)) {
      this.#guard()
      try {
        const answer = await this.#ask({ ...from, offset })
        if (answer.errorCode === code.offsetOutOfRange) {
          const [bounds] = await this.bounds(from.topic, { partitions: [from.partition], patience })
          if (bounds === undefined || startsAt < bounds.first) throw trimmed(from, bounds?.first)
          if (startsAt > bounds.next) throw diverged({ ...from, offset: startsAt }, `the log ends at ${bounds.next}`)
          offset = Math.max(offset, bounds.first)
          await patience.wait(new Unreachable('the ends of the partition are moving'))
          continue
        }
        if (answer.errorCode !== 0) throw readError(answer.errorCode, `${from.topic.name}/${from.partition}`)
        return { records: decodeBatches(answer.records, offset), end: answer.next }
      } catch (error) {
        if (error instanceof OffsetGap) throw gap(from, error.message)
        if (error instanceof DamagedBatch && ++damaged >= DAMAGED_TRIES) throw gap(from, error.message)
        await this.#recover(error, patience)
      }
    }
    return undefined
  }

  async #ask({ topic, partition, offset }: ReadFrom): Promise<FetchedPartition> {
    const link = await this.#cluster.link(this.#leader(topic, partition), 'read')
    const asked = [{ topicId: topic.id, partition, offset, maxBytes: FETCH_BYTES }]
    const { errorCode, partitions } = await link.send(fetchRecords(asked, { maxWaitMs: 0, maxBytes: FETCH_BYTES }))
    if (errorCode !== 0) throw readError(errorCode, topic.name)
    const [answer] = partitions
    if (answer === undefined) throw new Unreachable('the broker left the partition out of its answer')
    return answer
  }

  /** Waits at the end of the partition; undefined when the reading is over. */
  async #tailed(at: ReadFrom, follower: Follower, reading: Reading): Promise<Got | undefined> {
    for (;;) {
      this.#guard()
      let tailed: readonly StoredRecord[] | 'fetch' = 'fetch'
      try {
        tailed = await follower.from(at.offset, reading.signal)
      } catch (error) {
        if (error instanceof OffsetGap) throw gap(at, error.message)
      }
      if (this.#ends(reading)) return undefined
      if (tailed !== 'fetch') return { records: tailed, end: 0 }
      const got = await this.#fetch(at, reading)
      if (got === undefined || got.records.length > 0) return got
    }
  }

  async #list(
    topic: TopicName,
    options: { partitions: readonly number[]; of: 'first' | 'next'; into: Map<number, number> },
  ): Promise<void> {
    const missing = options.partitions.filter((partition) => !options.into.has(partition))
    const byLeader = Map.groupBy(missing, (partition) => this.#leader(topic, partition))
    await Promise.all(
      [...byLeader].map(async ([leader, partitions]) => {
        const link = await this.#cluster.link(leader, 'read')
        for (const { partition, errorCode, offset } of await link.send(
          listOffsets(topic.name, { partitions, of: options.of }),
        )) {
          if (errorCode !== 0) throw readError(errorCode, `${topic.name}/${partition}`)
          options.into.set(partition, offset)
        }
      }),
    )
  }

  #ends({ signal, over }: Reading): boolean {
    return over || this.#closed || signal?.aborted === true
  }

  #leader(topic: TopicName, partition: number): number {
    const leader = this.#cluster.leaderOf(topic.name, partition)
    if (leader === undefined) throw new Unreachable(`${topic.name}/${partition} has no leader`)
    return leader
  }

  async #recover(error: unknown, patience: Patience): Promise<void> {
    this.#guard()
    if (this.#closed) return
    await patience.wait(error)
    await this.#cluster.refresh().catch((refused: unknown) => {
      if (refused instanceof Failure) throw refused
    })
  }

  /** A leader that was just elected may not know its end yet; `bounds` waits until it does. */
  async #confirmEnd(from: ReadFrom, patience: Patience): Promise<number> {
    const [bounds] = await this.bounds(from.topic, { partitions: [from.partition], patience })
    const next = bounds?.next ?? 0
    if (from.offset > next) throw diverged(from, `the log ends at ${next}`)
    return next
  }
}

function* slices(
  records: readonly StoredRecord[],
  options: { batchSize: number; end: number },
): Generator<readonly StoredRecord[]> {
  const last = records.at(-1)
  const wanted =
    last !== undefined && last.offset >= options.end ? records.filter(({ offset }) => offset < options.end) : records
  if (wanted.length === 0) return
  if (wanted.length <= options.batchSize) yield wanted
  else for (let at = 0; at < wanted.length; at += options.batchSize) yield wanted.slice(at, at + options.batchSize)
}

function readError(errorCode: number, what: string): Error {
  if (isPassing(errorCode)) return new Unreachable(`${what}: ${nameOf(errorCode)}`)
  return new Failure('log.unavailable', `Kafka refuses to read ${what}: ${nameOf(errorCode)}`, {
    remedy: 'See what the broker says; its access rules may not allow this.',
  })
}

function diverged({ topic, partition, offset }: ReadFrom, why: string): Failure {
  return new Failure(
    'log.diverged',
    `${topic.name}/${partition} is not the history this reader stands on at ${offset}: ${why}`,
    {
      remedy: 'Point at the log the store was built from, or rebuild the store from this one.',
    },
  )
}

function trimmed({ topic, partition, offset }: ReadFrom, first: number | undefined): Failure {
  return new Failure(
    'log.trimmed',
    `${topic.name}/${partition} begins at ${first ?? '?'}; the records from ${offset} on are gone`,
    {
      remedy: 'Restore the log, or rebuild the store from a snapshot or archive that reaches further back.',
    },
  )
}

function gap({ topic, partition, offset }: ReadFrom, why: string): Failure {
  return new Failure('log.gap', `${topic.name}/${partition} has a hole after ${offset}: ${why}`, {
    remedy: 'The topic was compacted, written in transactions, or damaged; restore it from a backup.',
  })
}
