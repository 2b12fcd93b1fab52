/**
 * A log, processes on it and virtual time in which nothing fails by itself: what a test of one owner stands on.
 */
import { type Journal, openJournal } from '#processors/journal/journal.ts'
import { createReferee } from '#processors/journal/referee.ts'
import { openRunFeed, type RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import { Failure, type FailureCode } from '#processors/ports/failure.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { CarryOutPorts } from '#processors/runs/carry-out.ts'
import type { KnownRun } from '#processors/runs/known-run.ts'
import type { CallResult, Steps } from '#processors/runs/steps.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { AnyNewEvent, EventData, Link } from '#schemas/event.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { randomFrom } from '#test/crash/simulation/random.ts'
import { Life, Scheduler } from '#test/crash/simulation/scheduler.ts'
import { simulatedClock } from '#test/crash/simulation/simulated-clock.ts'
import { simulatedLog } from '#test/crash/simulation/simulated-log.ts'
import { openTablePool } from '#test/crash/simulation/tables.ts'
import { unaltered } from '#test/processors/journal/unaltered.ts'
import { sampleAttempt, type TaskGiven } from '#test/schemas/sample-data.ts'
import { happened, runId } from './run-script.ts'

export const codec = await openCodec(catalogSchemaIds())
const pool = openTablePool()

export interface Process {
  readonly log: EventLog
  readonly feed: RunFeed
  readonly journal: Journal
  readonly clock: Clock
  readonly life: Life
  readonly signals: readonly Signal[]
  /** From now on it hears nothing from the log, though it writes; until `hear`. */
  deafen(): void
  hear(): void
  /** The next appends of this process fail like this, one each; '' lets one pass. */
  readonly appendFailures: (FailureCode | '' | 'written, append.outcome-unknown')[]
  ports(steps: Steps): CarryOutPorts
}

export interface World {
  readonly scheduler: Scheduler
  start(name: string): Process
  /** Event types as they stand in the log, `!` behind those that are rejected; one list an append. */
  appends(): readonly (readonly string[])[]
  /** All of the log, in order. */
  types(): readonly string[]
  /** Puts an event on the log from outside. */
  write(event: AnyNewEvent, chain: Link, id: string): void
  /** Data of the accepted events of a type. */
  data<Type extends keyof EventData>(type: Type): readonly EventData[Type][]
  /** Runs until `what` settles; the virtual time it took is in `scheduler.now`. */
  until<T>(what: Promise<T>): Promise<T>
  /** Runs until nothing is left to do before `ms` have passed. */
  pass(ms: number): Promise<void>
}

export function openWorld(): World {
  pool.reset()
  const scheduler = new Scheduler()
  const random = randomFrom('quiet')
  const log = simulatedLog({
    scheduler,
    random,
    partitions: 1,
    faults: { unavailable: 0, unknown: 0 },
    latency: () => 1,
  })
  const judge = createReferee(pool.take())
  const appends: string[][] = []
  const types: string[] = []
  let underWay: string[] = []
  log.onAppend = () => {
    underWay = []
    appends.push(underWay)
  }
  log.onWritten = ({ topic, partition }, record) => {
    const counts = topic !== 'runs.v1' || judge.judge(partition, record)
    const type = `${record.headers['ce_type']}${counts ? '' : '!'}`
    types.push(type)
    underWay.push(type)
  }
  const outside = log.of(new Life('outside'))

  return {
    scheduler,
    appends: () => appends,
    types: () => types,
    start: (name) => startProcess(name, { scheduler, log: log.of(new Life(name)) }),
    write(event, chain, id) {
      void outside.append('runs.v1', [recordOf(event, chain, id)])
    },
    data: (type) =>
      log
        .history('runs.v1', 0)
        .filter(({ offset, headers }) => headers['ce_type'] === type && !judge.isRejected(0, offset))
        .map(({ value }) => codec.decode(type, value)),
    async until(what) {
      let settled = false
      const mark = (): void => void (settled = true)
      what.then(mark, mark)
      const ended = await scheduler.drive(() => settled, 20_000)
      if (ended !== 'reached') throw new Error(`it does not settle: ${ended}; the log: ${types.join(', ')}`)
      return what
    },
    async pass(ms) {
      const end = scheduler.now + ms
      let over = false
      scheduler.after(ms, undefined, () => (over = true))
      await scheduler.drive(() => over && scheduler.now >= end, 20_000)
    },
  }
}

export function recordOf(event: AnyNewEvent, chain: Link, id: string): NewRecord {
  const headers = {
    ce_specversion: '1.0',
    ce_id: id,
    ce_type: event.type,
    ce_source: '/test',
    ce_subject: event.subject,
    ce_time: '2026-11-21T00:00:00.000Z',
    ce_run: chain.run,
    ce_seq: String(chain.seq),
    ...(chain.prev === '' ? {} : { ce_prev: chain.prev }),
  }
  return { key: event.subject, headers, value: codec.encode(event.type, event.data) }
}

function startProcess(name: string, given: { scheduler: Scheduler; log: EventLog }): Process {
  const { scheduler } = given
  const life = new Life(name)
  const clock = simulatedClock({ scheduler, random: randomFrom(name), life, wallOffMs: () => 0 })
  const appendFailures: Process['appendFailures'] = []
  const signals: Signal[] = []
  const report = (signal: Signal): void => void signals.push(signal)
  let hearing = Promise.withResolvers<void>()
  hearing.resolve()
  const log: EventLog = {
    ...given.log,
    async *read(from, options) {
      for await (const batch of given.log.read(from, options)) {
        await hearing.promise
        yield batch
      }
    },
    async append(topic, records) {
      const failure = appendFailures.shift() ?? ''
      if (failure === '') return given.log.append(topic, records)
      if (failure.startsWith('written')) await given.log.append(topic, records)
      throw new Failure(failure.replace('written, ', '') as FailureCode, 'as the test has it')
    },
  }
  const feed = openRunFeed({ log, referee: createReferee(pool.take()), clock, follow: true })
  const journal = openJournal({
    log,
    codec,
    ...unaltered,
    clock,
    source: `/lattice/test/${name}`,
    report,
    onAppended: (topic, positions, records) => void (topic === 'runs.v1' && feed.appended(positions, records)),
  })
  const ports = (steps: Steps): CarryOutPorts => ({ journal, feed, steps, clock, report, worker: name })
  const deafen = (): void => void (hearing = Promise.withResolvers())
  const hear = (): void => hearing.resolve()
  return { log, feed, journal, clock, life, signals, appendFailures, deafen, hear, ports }
}

/** A run just submitted, in the log, as its submitter knows it. */
export async function submitted(world: World, given: TaskGiven = {}): Promise<KnownRun> {
  const event = happened.submitted(given)
  world.write(event, { run: runId, seq: 0, prev: '' }, 'submission')
  await world.pass(5)
  return { state: evolve(undefined, event)!, head: { seq: 0, id: 'submission' } }
}

/** Steps that answer at once unless told otherwise. */
export function stepsOf(given: Partial<Steps> & { call?: Call } = {}): Steps & { readonly calls: number[] } {
  const { call = (asked: EventData['attempt.started']) => Promise.resolve(answer(asked.attempt)), ...steps } = given
  const calls: number[] = []
  return {
    calls,
    retrieve: () => Promise.resolve(happened.retrieved().data as EventData['retrieval.completed']),
    attempt(_run, { attempt, tier, choice }) {
      const started = sampleAttempt({ attempt, tier, ...choice })
      return Promise.resolve({
        started,
        call(options) {
          calls.push(attempt)
          return call(started, options)
        },
      })
    },
    validate: (_run, { attempt }) =>
      Promise.resolve(happened.judged(attempt, true).data as EventData['verdict.reached']),
    ...steps,
  }
}

export type Call = (
  asked: EventData['attempt.started'],
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
) => Promise<CallResult>

export function answer(attempt: number, given: Parameters<typeof happened.answered>[1] = {}): CallResult {
  return happened.answered(attempt, given) as unknown as CallResult
}

export function failure(attempt: number, given: Parameters<typeof happened.failed>[1] = {}): CallResult {
  return happened.failed(attempt, given) as unknown as CallResult
}

/** A call that settles only when it is aborted, as a model that never answers. */
export const hangs: Call = ({ attempt }, { signal }) =>
  new Promise((resolve) => {
    const end = (): void => resolve(failure(attempt, { code: 'cancelled', retryable: false }))
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
