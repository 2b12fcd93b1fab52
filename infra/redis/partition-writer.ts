/**
 * Appends of one process to one partition: grouped, in order, each written once.
 *
 * Promises: one batch is outstanding at a time, and the next fills meanwhile, so 64 concurrent callers share a few round
 * trips and syncs (R6). A batch whose reply was lost is sent again under the same number and is recognised. When patience
 * ends first, the caller hears `log.unavailable` only if nothing can have been written, else `append.outcome-unknown`,
 * and the writer goes on under a new session, since the lost batch may still arrive under the old one.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { recordLimits } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { appendScript, refusalOf } from './append-script.ts'
import { NotConnected, failureOf, troubleOf } from './redis-failure.ts'
import { answered } from './redis-connection.ts'
import type { Partition, RedisHistory } from './redis-history.ts'
import { type Entry, type PackedRecords, StreamRecord, offsetOf, streamId } from './stream-record.ts'

export interface PartitionWriter {
  /** The offset of the first record; the others follow it. */
  append(records: PackedRecords, patienceMs?: number): Promise<number>
  /** Resolves once nothing is under way; from now on that is waited for at most `graceMs`. */
  settle(graceMs: number): Promise<void>
}

interface Call {
  readonly records: PackedRecords
  /** On the monotonic clock. */
  readonly giveUpAt: number
  readonly resolve: (offset: number) => void
  readonly reject: (error: Failure) => void
}

/** How long the server remembers a writer's last batch, s. */
const ENTRY_TTL_S = 24 * 3600
/** How often calls that wait are looked through for those whose time is over, ms. */
const LOOK_EVERY_MS = 250
/** Between two tries while the server is there but not able, ms. */
const PAUSE_MS = 50

export function createPartitionWriter(history: RedisHistory, partition: Partition): PartitionWriter {
  const { redis, patienceMs } = history
  const queue: Call[] = []
  let draining = false
  let drained: Promise<void> = Promise.resolve()
  let closingBy = Infinity
  let session = newSession()
  let seq = 0
  /** Once the history is another one, it stays so until the log is opened anew. */
  let stopped: Failure | undefined

  function append(records: PackedRecords, ownPatienceMs = patienceMs): Promise<number> {
    return new Promise((resolve, reject) => {
      queue.push({ records, giveUpAt: performance.now() + ownPatienceMs, resolve, reject })
      if (!draining) drained = drain()
    })
  }

  /** Of calls that still wait for the batch before them nothing was sent. */
  function giveUpWaiting(): void {
    const now = performance.now()
    const late = queue.filter(({ giveUpAt }) => giveUpAt <= now)
    for (const call of late) {
      queue.splice(queue.indexOf(call), 1)
      call.reject(giveUp(new NotConnected(redis.lastError?.message ?? 'no answer in time'), false))
    }
  }

  async function drain(): Promise<void> {
    draining = true
    const looking = setInterval(giveUpWaiting, LOOK_EVERY_MS)
    while (queue.length > 0) {
      await othersOfThisTurn()
      const calls = takeGroup(queue)
      try {
        let offset = await write(calls)
        for (const call of calls) {
          call.resolve(offset)
          offset += call.records.count
        }
      } catch (error) {
        const failure = error instanceof Failure ? error : unexpected(error)
        for (const call of calls) call.reject(failure)
      }
    }
    clearInterval(looking)
    draining = false
  }

  /** Sends one batch until it is known to be written, or to be not. */
  async function write(calls: readonly Call[]): Promise<number> {
    const packed = calls.length === 1 ? calls[0]?.records.bytes : Buffer.concat(calls.map((call) => call.records.bytes))
    const until = () => Math.min(...calls.map(({ giveUpAt }) => giveUpAt), closingBy)
    let maybeWritten = false
    for (;;) {
      if (stopped !== undefined) throw stopped
      try {
        const first = await answered(attempt(packed ?? Buffer.alloc(0)), until() - performance.now())
        return written(first, calls)
      } catch (error) {
        if (error instanceof Failure) throw error
        const { refusal, about = '' } = refusalOf(error) ?? {}
        if (refusal === 'EXPIRED' && !maybeWritten && (await sameHistory())) {
          renewSession()
          continue
        }
        if (refusal === 'TORN' || (refusal === 'EXPIRED' && maybeWritten)) throw giveUp(error, true)
        if (refusal === 'HOLE' || refusal === 'FOREIGN') throw blocked(refusal, about)
        if (refusal !== undefined) throw await stop(refusal)
        const trouble = troubleOf(error)
        maybeWritten ||= trouble === 'cut'
        const passes = trouble === 'unsent' || trouble === 'cut' || trouble === 'not-now'
        if (!passes || performance.now() >= until()) throw giveUp(error, maybeWritten)
        await nextChance(until())
      }
    }
  }

  async function attempt(packed: Buffer): Promise<number> {
    const keys = [partition.stream, `${partition.stream}:writer:${session}`]
    const reply = await redis.run(appendScript, keys, [seq + 1, partition.seen.next, ENTRY_TTL_S, packed])
    return Number(reply) - 1
  }

  function written(first: number, calls: readonly Call[]): number {
    seq += 1
    const count = calls.reduce((sum, call) => sum + call.records.count, 0)
    if (first + count > partition.seen.next) {
      partition.seen.next = first + count
      partition.seen.lastId = calls.at(-1)?.records.lastId ?? ''
    }
    return first
  }

  async function nextChance(until: number): Promise<void> {
    const left = until - performance.now()
    const epoch = redis.epoch
    if ((await redis.ready(left)) && redis.epoch === epoch) await sleep(Math.min(PAUSE_MS, Math.max(0, left)))
  }

  function giveUp(error: unknown, maybeWritten: boolean): Failure {
    if (!maybeWritten) return failureOf(error, { doing: `appending to ${partition.topic}`, address: redis.address })
    renewSession()
    return new Failure(
      'append.outcome-unknown',
      `${redis.address} gave no good answer to an append to ${partition.topic}`,
      {
        remedy: 'Send the same records again; what was written twice is recognised by its id.',
        cause: error,
      },
    )
  }

  /** What it takes to mend it is done in Redis; the next append finds it mended. */
  function blocked(refusal: 'HOLE' | 'FOREIGN', about: string): Failure {
    const { topic, stream } = partition
    const where = `${topic}, partition ${partition.partition} on ${redis.address}`
    if (refusal === 'HOLE') {
      return new Failure('log.gap', `${where} has lost what stood behind offset ${Number(about) - 1}`, {
        remedy: `Bring it back from a backup; where nothing of this log stood there: XSETID ${stream} ${about}-0`,
      })
    }
    return new Failure('log.gap', `${where} ends in an entry that is no record of this log: ${about}`, {
      remedy: `Remove what somebody else wrote there: XDEL ${stream} ${about}`,
    })
  }

  async function stop(refusal: keyof typeof stopReasons): Promise<Failure> {
    stopped = await history.diverged(partition, stopReasons[refusal])
    return stopped
  }

  /** Whether the last record this process saw is still where it was. */
  async function sameHistory(): Promise<boolean> {
    const { next, lastId } = partition.seen
    if (next === 0) return true
    const at = streamId(next - 1)
    const reply = await redis.ask('xrange', [partition.stream, at, at], { doing: 'checking the history', patienceMs })
    const [entry] = reply as readonly Entry[]
    if (entry === undefined) return (await history.bounds(partition)).next >= next // trimmed since
    return offsetOf(entry[0]) === next - 1 && (new StreamRecord(next - 1, entry[1]).headers['ce_id'] ?? '') === lastId
  }

  function renewSession(): void {
    session = newSession()
    seq = 0
  }

  function unexpected(error: unknown): Failure {
    return failureOf(error, { doing: `appending to ${partition.topic}`, address: redis.address })
  }

  async function settle(graceMs: number): Promise<void> {
    closingBy = performance.now() + graceMs
    await Promise.race([drained, sleep(graceMs, undefined, { ref: false })])
  }

  return { append, settle }
}

const stopReasons = {
  GONE: 'its stream is gone',
  SHORT: 'it is shorter than it was',
  SEQUENCE: 'the last batch of this writer is gone from it',
  EXPIRED: 'the last record this process saw is gone from it',
}

function newSession(): string {
  return randomBytes(9).toString('base64url')
}

/** Runs after all promises that are settled by now: whoever appends as an answer to the same event shares the batch. */
function othersOfThisTurn(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}

/** As many waiting calls as fit into one script; a call is never divided. */
function takeGroup(queue: Call[]): readonly Call[] {
  let records = 0
  let bytes = 0
  const end = queue.findIndex((call) => {
    records += call.records.count
    bytes += call.records.bytes.length
    return records > recordLimits.records || bytes > recordLimits.bytes
  })
  return queue.splice(0, end < 0 ? queue.length : Math.max(1, end))
}
