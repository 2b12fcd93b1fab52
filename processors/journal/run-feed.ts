import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Position } from '#schemas/position.ts'
import type { Chain, Referee } from './referee.ts'

/**
 * This process's live view of `runs.v1`: every record once, in log order of its partition, with the referee's word.
 *
 * Promise: nobody sees a record before it is judged. Where an append's first position is the next to judge, the
 * records are judged from memory and not read again; otherwise they arrive by reading (R1, "read back").
 */
export interface RunFeed {
  /** Resolves once the record at `at` is judged; rejects when the feed stopped or the signal aborts. */
  reached(at: Position, signal?: AbortSignal): Promise<void>
  /** Offset of the next record to judge. */
  next(partition: number): number
  isRejected(partition: number, offset: number): boolean
  /** The chain of a run as far as it is judged. */
  chain(run: string): Chain | undefined
  /** Calls back for each judged record of a run from now on; returns what ends it. */
  watch(run: string, see: (judged: Judged) => void): () => void
  /** Own records that were just acknowledged. */
  appended(positions: readonly Position[], records: readonly Omit<StoredRecord, 'offset'>[]): void
  /** Resolves once what the log holds now is judged. Errors: those of `reached` and `EventLog.bounds`. */
  catchUp(): Promise<void>
  close(): Promise<void>
}

export interface Judged {
  readonly position: Position
  readonly record: StoredRecord
  readonly accepted: boolean
}

const topic = 'runs.v1'
const flushEveryMs = 1000
/** After a batch of which all was judged from memory: while only this process writes, reading it back is for nothing. */
const knownRestMs = 5
/** While it catches up, the referee is also flushed after this many records. */
const flushEvery = 20_000

export function openRunFeed(given: {
  log: EventLog
  referee: Referee
  clock: Clock
  /** False for a short command: records are read by `catchUp` alone. */
  follow: boolean
  report?: Report
  onStopped?: (failure: Failure) => void
}): RunFeed {
  const { log, referee, clock } = given
  const ended = new AbortController()
  const watchers = new Map<string, Set<(judged: Judged) => void>>()
  const waiters = new Map<number, { offset: number; resolve: () => void; reject: (error: Failure) => void }[]>()
  let stopped: Failure | undefined

  function take(partition: number, record: StoredRecord): void {
    const accepted = referee.judge(partition, record)
    const watching = watchers.get(record.key)
    if (watching === undefined) return
    const judged = { position: { topic, partition, offset: record.offset }, record, accepted } as const
    for (const see of Array.from(watching)) see(judged)
  }

  function wake(partition: number): void {
    const waiting = waiters.get(partition)
    if (waiting === undefined) return
    const next = referee.next(partition)
    for (const one of waiting) if (one.offset < next) one.resolve()
    const still = waiting.filter((one) => one.offset >= next)
    if (still.length === 0) waiters.delete(partition)
    else waiters.set(partition, still)
  }

  async function read(partition: number, follow: boolean): Promise<void> {
    const offset = referee.next(partition)
    const after = referee.lastId(partition)
    const options = { follow, signal: ended.signal, ...(after === '' ? {} : { after }) }
    for await (const batch of log.read({ topic, partition, offset }, options)) {
      const before = referee.next(partition)
      for (const record of batch) {
        const next = referee.next(partition)
        if (record.offset > next)
          throw new Failure('log.gap', `${topic}:${partition}: ${record.offset} after ${next - 1}`)
        if (record.offset === next) take(partition, record)
      }
      wake(partition)
      if (referee.unwritten() >= flushEvery) flush()
      if (follow && referee.next(partition) === before) await clock.sleep(knownRestMs, ended.signal)
    }
  }

  /** A full disk does not stop the judging: what could not be written is written later, or judged again (R4). */
  function flush(): void {
    try {
      referee.flush()
    } catch (error) {
      if (!isFailure(error, 'store.stalled')) throw error
      given.report?.({ signal: 'store.stalled', store: 'referee', code: error.code, message: error.message })
    }
  }

  function stop(error: unknown): void {
    if (stopped !== undefined) return
    stopped = error instanceof Failure ? error : new Failure('internal', 'the run feed stopped', { cause: error })
    rejectAll(stopped)
    given.onStopped?.(stopped)
  }

  function rejectAll(reason: Failure): void {
    for (const waiting of waiters.values()) for (const one of waiting) one.reject(reason)
    waiters.clear()
  }

  async function flushNowAndThen(): Promise<void> {
    while (!ended.signal.aborted) {
      await clock.sleep(flushEveryMs, ended.signal)
      flush()
    }
  }

  async function reached(at: Position, signal?: AbortSignal): Promise<void> {
    if (at.topic !== topic || referee.next(at.partition) > at.offset) return
    if (!given.follow) await read(at.partition, false)
    if (referee.next(at.partition) > at.offset) return
    if (stopped !== undefined) throw stopped
    if (signal?.aborted === true) throw new Failure('log.closed', 'stopped waiting')
    await new Promise<void>((resolve, reject) => {
      const waiting = waiters.get(at.partition) ?? []
      const abort = (): void => settle(() => reject(new Failure('log.closed', 'stopped waiting')))
      const settle = (how: () => void): void => {
        signal?.removeEventListener('abort', abort)
        how()
      }
      waiting.push({
        offset: at.offset,
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      })
      waiters.set(at.partition, waiting)
      signal?.addEventListener('abort', abort)
    })
  }

  const partitions = Array.from({ length: log.partitions(topic) }, (_, partition) => partition)
  const reading = given.follow ? partitions.map((partition) => read(partition, true).catch(stop)) : []
  if (given.follow) reading.push(flushNowAndThen().catch(stop))

  return {
    next: (partition) => referee.next(partition),
    isRejected: (partition, offset) => referee.isRejected(partition, offset),
    chain: (run) => referee.chain(run),
    reached,
    watch(run, see) {
      const watching = watchers.get(run) ?? new Set()
      watchers.set(run, watching.add(see))
      return () => {
        watching.delete(see)
        if (watching.size === 0) watchers.delete(run)
      }
    },
    appended(positions, records) {
      const touched = new Set<number>()
      try {
        positions.forEach(({ partition, offset }, index) => {
          const record = records[index]
          if (record === undefined || offset !== referee.next(partition)) return
          take(partition, { ...record, offset })
          touched.add(partition)
        })
      } catch (error) {
        // The append itself is fine: whoever made it must not take it for failed.
        stop(error)
      }
      for (const partition of touched) wake(partition)
    },
    async catchUp() {
      const bounds = await log.bounds(topic)
      await Promise.all(bounds.map(({ partition, next }) => reached({ topic, partition, offset: next - 1 })))
    },
    async close() {
      stopped ??= new Failure('log.closed', 'the process is stopping')
      ended.abort()
      rejectAll(stopped)
      await Promise.allSettled(reading)
      flush()
    },
  }
}
