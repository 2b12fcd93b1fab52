/**
 * Batches of one partition, proved to be the history the reader stands on.
 *
 * Promise (`log.ordered`, `log.same`): each batch begins where the last one ended. Every question asks for the record
 * before it as well, and that record must carry the id it carried before; so a hole, a trimmed start, a restored dump or
 * an emptied server stops the reader by name at its next question, whether or not the connection was lost (R5).
 */
import type { ReadOptions, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Doorbell } from './doorbell.ts'
import { failureOf, isReply } from './redis-failure.ts'
import type { Partition, RedisHistory } from './redis-history.ts'
import { type Entry, StreamRecord, offsetOf, streamId } from './stream-record.ts'

export interface Reading extends ReadOptions {
  readonly from: number
  readonly doorbell: Doorbell
  readonly signal: AbortSignal
}

/** One question, and the place it stands on. */
interface Question {
  readonly next: number
  /** `ce_id` of the record before; undefined when the reader knows none. */
  readonly lastId: string | undefined
  readonly count: number
  /** No record from here on; Infinity for whatever is there. */
  readonly end: number
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/** A batch is made smaller when its records are large: about this many bytes. */
const BATCH_BYTES = 4 * 1024 * 1024
const FIRST_BATCH = 256

export async function* readPartition(
  history: RedisHistory,
  partition: Partition,
  options: Reading,
): AsyncGenerator<readonly StoredRecord[]> {
  try {
    yield* batches(history, partition, options)
  } catch (error) {
    if (!options.signal.aborted) throw error
  }
}

async function* batches(
  history: RedisHistory,
  partition: Partition,
  options: Reading,
): AsyncGenerator<readonly StoredRecord[]> {
  const { from, doorbell, signal, follow = false, batchSize = 1000, after } = options
  const { patienceMs = follow ? Infinity : 30_000 } = options
  const bounds = await history.bounds(partition, { patienceMs, signal })
  if (from > bounds.next) throw await beyond(history, partition, from)
  if (from < bounds.first) throw trimmed(partition, from)

  const end = follow ? Infinity : bounds.next
  let place: Pick<Question, 'next' | 'lastId'> = { next: from, lastId: after }
  let count = Math.min(batchSize, FIRST_BATCH)
  const ask = () =>
    answer(history, partition, { ...place, count: Math.min(count, end - place.next), end, patienceMs, signal })
  let asked: Promise<readonly StreamRecord[]> | undefined = ask()
  while (asked !== undefined) {
    const batch: readonly StreamRecord[] = await asked
    const full = batch.length === count
    place = placeAfter(batch, place)
    count = nextCount(batch, { count, batchSize })
    // The next question is under way while the caller works on this batch.
    asked = full && place.next < end ? ask() : undefined
    asked?.catch(() => {})
    if (batch.length > 0) yield batch
    if (signal.aborted) return
    if (follow && asked === undefined) {
      await doorbell.wait(partition.stream, place.next, signal)
      asked = ask()
    }
  }
}

/** At most `count` records from the place on; fewer only where a reader without an end has come to the partition's. */
async function answer(
  history: RedisHistory,
  partition: Partition,
  question: Question,
): Promise<readonly StreamRecord[]> {
  const { next, lastId, count, end } = question
  const overlap = next > 0 && lastId !== undefined ? 1 : 0
  if (count + overlap === 0) return []
  const entries = await range(history, partition, { ...question, next: next - overlap, count: count + overlap })
  const records = entries.map(([id, fields]) => new StreamRecord(offsetOf(id) ?? Number.NaN, fields))

  const before = records[0]?.offset === next - 1 ? records.shift() : undefined
  if (before !== undefined && (before.headers['ce_id'] ?? '') !== lastId) {
    throw await history.diverged(partition, `the record at offset ${before.offset} is another one`)
  }
  const wrong = records.findIndex((record, i) => record.offset !== next + i)
  const hole = wrong < 0 && end < Infinity && records.length < count ? records.length : wrong
  const unproved = before === undefined && (overlap === 1 || records.length === 0)
  const found = hole >= 0 ? entries[entries.length - records.length + hole]?.[0].toString() : undefined
  if (hole >= 0 || unproved) await explain(history, partition, { ...question, hole, overlap, found })
  remember(partition, records)
  return records
}

async function range(history: RedisHistory, partition: Partition, question: Question): Promise<readonly Entry[]> {
  const { next, count, end, patienceMs, signal } = question
  const doing = `reading ${partition.topic}`
  const to = end === Infinity ? '+' : streamId(end - 1)
  const args = [partition.stream, streamId(next), to, 'COUNT', count]
  try {
    return (await history.redis.ask('xrange', args, { doing, patienceMs, signal })) as readonly Entry[]
  } catch (error) {
    throw isReply(error) ? failureOf(error, { doing, address: history.redis.address }) : error
  }
}

/** The answer is not as it should be: throws why, by the partition's ends, or returns if there is a good reason. */
async function explain(
  history: RedisHistory,
  partition: Partition,
  about: Question & {
    /** How far behind the place a record is missing; -1 for none. */
    readonly hole: number
    readonly overlap: number
    /** Id of the entry that stands where the missing one should. */
    readonly found: string | undefined
  },
): Promise<void> {
  const { next, hole, overlap, found } = about
  const bounds = await history.bounds(partition, about)
  if (next > bounds.next) throw await beyond(history, partition, next)
  if (next < bounds.first) throw trimmed(partition, next)
  const nothingYet = overlap === 0
  const justTrimmed = next === bounds.first
  if (hole < 0 && (nothingYet || justTrimmed)) return
  const at = hole < 0 ? next - 1 : next + hole
  throw new Failure('log.gap', `${partition.topic}, partition ${partition.partition} has no record at offset ${at}`, {
    remedy:
      found === undefined
        ? 'Somebody deleted it from the stream: bring it back from a backup.'
        : `Bring it back from a backup; or, if somebody else wrote the entry ${found}: XDEL ${partition.stream} ${found}`,
  })
}

function beyond(history: RedisHistory, partition: Partition, offset: number): Promise<Failure> {
  return history.diverged(partition, `offset ${offset} is beyond its end`)
}

function trimmed(partition: Partition, offset: number): Failure {
  const message = `${partition.topic}, partition ${partition.partition} has been trimmed: offset ${offset} is gone`
  return new Failure('log.trimmed', message, { remedy: 'Rebuild from the archive, or from a backup of the log.' })
}

function remember(partition: Partition, records: readonly StoredRecord[]): void {
  const last = records.at(-1)
  if (last === undefined || last.offset < partition.seen.next) return
  partition.seen.next = last.offset + 1
  partition.seen.lastId = last.headers['ce_id'] ?? ''
}

function placeAfter<Place extends Pick<Question, 'next' | 'lastId'>>(
  batch: readonly StoredRecord[],
  place: Place,
): Pick<Question, 'next' | 'lastId'> {
  const last = batch.at(-1)
  return last === undefined ? place : { next: last.offset + 1, lastId: last.headers['ce_id'] ?? '' }
}

function nextCount(
  batch: readonly StreamRecord[],
  sizes: { readonly count: number; readonly batchSize: number },
): number {
  const bytes = batch.reduce((sum, record) => sum + record.sizeBytes, 0)
  if (bytes === 0) return sizes.batchSize
  const fitting = Math.floor((BATCH_BYTES * batch.length) / bytes)
  return Math.max(1, Math.min(sizes.batchSize, sizes.count * 4, fitting))
}
