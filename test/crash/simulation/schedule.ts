/**
 * One schedule: a world made from a seed, its processes at work in bad weather, then in good, until every run has ended.
 *
 * Promise: the same seed gives the same schedule, event by event. What it finds wrong is said in words; nothing throws.
 */
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import type { AbandonedPorts } from '#processors/runs/close-abandoned.reactor.ts'
import { cancel, submit, sweep } from './client.ts'
import { openChronicle } from './chronicle.ts'
import { type Evidence, findViolation } from './invariants.ts'
import { type Fate, type Machine, type Machines, openMachines } from './machines.ts'
import { randomFrom } from './random.ts'
import { type PlannedRun, type Scenario, scenarioFrom, type Weather } from './scenario.ts'
import { type Life, Scheduler } from './scheduler.ts'
import { simulatedClock } from './simulated-clock.ts'
import { type LogFaults, simulatedLog } from './simulated-log.ts'
import { type ModelFaults, simulatedSteps, type UpstreamCall } from './simulated-model.ts'
import { type Mutation, type RunningProcess, startProcess } from './simulated-process.ts'
import { simulatedShare } from './simulated-share.ts'
import { openTablePool } from './tables.ts'

export interface ScheduleOptions {
  readonly seed: string
  readonly weather?: Weather
  readonly mutation?: Mutation
  readonly fate?: Fate
  readonly trace?: (line: string) => void
}

export interface ScheduleResult {
  readonly violation: string | undefined
  readonly scenario: Scenario
  readonly steps: number
  /** Awaits of the first process's first life. */
  readonly firstLifeSteps: number
  /** How often what happened, to see that a simulation meets what it is there for. */
  readonly counts: ReadonlyMap<string, number>
}

const codec = await openCodec(catalogSchemaIds())
const pool = openTablePool()
const maxSteps = 100_000
/** Virtual time that everything may take once nothing fails any more. */
const patienceMs = 600_000
const askAgainMs = 8_000

export async function runSchedule(options: ScheduleOptions): Promise<ScheduleResult> {
  const world = openWorld(options)
  try {
    const violation = await world.play()
    const { scenario, scheduler, machines, counts } = world
    return { violation, scenario, steps: scheduler.steps, firstLifeSteps: machines.firstLifeSteps(), counts }
  } finally {
    pool.reset()
  }
}

function openWorld(options: ScheduleOptions) {
  const scheduler = new Scheduler()
  const random = randomFrom(options.seed)
  const scenario = scenarioFrom(random, options.weather)
  const { weather, runs } = scenario
  const logFaults: LogFaults = { unavailable: 0.04, unknown: 0.06 }
  const modelFaults: ModelFaults = { failing: 0.35, hanging: 0.1, stuck: 0.03, broken: 0.03 }
  const calls: UpstreamCall[] = []
  const told: Evidence['told'][number][] = []
  const planned: Evidence['planned'][number][] = []
  const feeds: Evidence['feeds'][number][] = []
  const alarms: string[] = []
  const recorded = new Set<string>()
  const counts = new Map<string, number>()
  const asked = new Map<PlannedRun, Life>()
  const lives = new Map<string, Life>()
  const tried = new Set<PlannedRun>()
  let inFlightAtKills = 0
  let impatient = 0
  let stormy = true

  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)
  const trace = (who: string, what: string): void => options.trace?.(`${scheduler.now} ${who}: ${what}`)
  const alarm = (what: string, error?: unknown): void =>
    void alarms.push(error instanceof Error ? `${what}: ${error.stack}` : what)

  /** How long an await takes: mostly nothing, sometimes long enough for the world to change. */
  function latency(): number {
    const luck = random.next()
    if (luck < 0.7) return random.between(0, 3)
    return luck < 0.95 || !stormy || weather === 'calm' ? random.between(0, 60) : random.between(0, 8_000)
  }

  const log = simulatedLog({ scheduler, random, latency, partitions: scenario.partitions, faults: logFaults })
  const share = simulatedShare({
    scheduler,
    random,
    latency,
    duplicates: () => (stormy && weather === 'storm' ? 0.5 : 0),
  })
  const newChronicle = () => openChronicle({ codec, tables: pool.take(), referee: options.mutation?.referee })
  const chronicle = newChronicle()
  const isClosed = (run: PlannedRun): boolean =>
    chronicle.referee.chain(run.runId)?.closed === true || cameToNothing(run)
  /** Asked for once, by a request that ended before anything was on the log. */
  const cameToNothing = (run: PlannedRun): boolean =>
    tried.has(run) && asked.get(run)?.dead !== false && chronicle.referee.chain(run.runId) === undefined
  const partitions = log.partitions('runs.v1')

  log.onWritten = ({ topic, partition, offset }, record) => {
    if (topic !== 'runs.v1') return
    const chapter = chronicle.take(partition, record)
    const rejected = chronicle.referee.isRejected(partition, offset)
    const { ce_type: type, ce_id: id } = record.headers
    trace('log', `${partition}:${offset} ${record.key} ${type} ${id}${rejected ? ' REJECTED' : ''}`)
    count(rejected ? 'rejected' : `accepted ${type}`)
    if (chapter?.event.type === 'attempt.completed' || chapter?.event.type === 'attempt.failed') {
      recorded.add(chapter.event.data.raw as string)
    }
    if (type === 'task.submitted') share.offer({ topic, partition, offset }, record)
  }
  log.onAppend = (life, records, fate) => {
    trace(life.name, `appends ${records.map(({ headers }) => headers['ce_id']).join(', ')}: ${fate}`)
    count(`append ${fate}`)
  }

  const machines: Machines = openMachines({
    scheduler,
    random,
    weather,
    count: scenario.processes,
    fate: options.fate,
    newTables: () => pool.take(),
    startProcess: start,
    alarm,
    killed(life) {
      inFlightAtKills += calls.filter((call) => call.life === life && !recorded.has(call.id)).length
    },
    note(who, what) {
      trace(who, what)
      count(what.replace(/ by .*/, ''))
    },
  })

  function start(life: Life, machine: Machine): RunningProcess {
    const process = startProcess(
      {
        life,
        codec,
        clock: simulatedClock({ scheduler, random, life, wallOffMs: () => machine.wallOffMs }),
        log: log.of(life),
        workShare: share.of(life),
        steps: simulatedSteps({
          scheduler,
          random,
          life,
          latency,
          calls,
          faults: modelFaults,
          planned: (state) => planned.push({ owner: life.name, state }),
        }),
        tables: machine.tables,
        report(signal) {
          if (signal.signal === 'run.completed') told.push({ ...signal, by: life.name })
          if (signal.signal === 'run.lost' || signal.signal === 'reactor.failed') count(signal.signal)
        },
        alarm: (what, error) => alarm(`${life.name}: ${what}`, error),
        died,
      },
      options.mutation,
    )
    feeds.push({ by: life.name, feed: process.feed })
    lives.set(life.name, life)
    sweep(process, { open: openInteractive, attempts, died }).catch((error: unknown) =>
      alarm(`${life.name}: sweeping`, error),
    )
    return process
  }

  /** As the lookup store would tell. */
  function openInteractive(): ReturnType<AbandonedPorts['open']> {
    const open = runs.filter(
      (run) => run.spec.interactive && !run.garbled && !isClosed(run) && chronicle.state(run.runId) !== undefined,
    )
    return Promise.resolve(
      open.map(({ runId, spec }) => ({
        runId,
        worker: chronicle.state(runId)?.owner ?? null,
        deadlineMs: spec.limits.deadlineMs,
      })),
    )
  }

  function attempts(runId: string): Promise<number | undefined> {
    return Promise.resolve(chronicle.state(runId)?.attempts.length)
  }

  function died(worker: string): boolean | undefined {
    return scenario.oneMachine ? lives.get(worker)?.dead : undefined
  }

  /** A client asks, and asks again, until the log knows the run. */
  function ask(run: PlannedRun): void {
    if (chronicle.referee.chain(run.runId) !== undefined || tried.has(run)) return
    scheduler.after(askAgainMs, undefined, () => ask(run))
    const able = machines.running()
    if (able.length === 0) return
    const process = random.pick(able)
    asked.set(run, process.life)
    if (run.atOnce && !run.garbled) tried.add(run)
    submit(process, run)
      .then((result) => {
        if (result === 'impatient') impatient += 1
        else if (result?.is === 'done') {
          const { state } = result
          told.push({
            by: process.life.name,
            runId: run.runId,
            outcome: state.outcome ?? 'none',
            attempts: state.attempts.length,
            state,
          })
        }
      })
      .catch((error: unknown) => alarm(`${process.life.name}: ${run.runId}`, error))
      .finally(() => asked.delete(run))
  }

  function askToCancel({ runId }: PlannedRun): void {
    const able = machines.running()
    if (able.length === 0) return
    cancel(random.pick(able), runId).catch((error: unknown) => alarm(`cancelling ${runId}`, error))
  }

  function calmDown(): void {
    trace('world', 'the storm is over')
    stormy = false
    machines.calmDown()
    Object.assign(logFaults, { unavailable: 0, unknown: 0 })
    Object.assign(modelFaults, { hanging: 0, stuck: 0, broken: 0 })
    scheduler.after(patienceMs, undefined, () => alarm(`not over in time: ${whatIsOpen()}`))
  }

  function whatIsOpen(): string {
    const open = runs.filter((run) => !isClosed(run)).map(({ runId }) => runId)
    return `open: ${open.join(', ') || 'none'}; ${share.unfinished()} deliveries, ${asked.size} requests`
  }

  function isOver(): boolean {
    if (!runs.every(isClosed) || share.unfinished() > 0) return false
    if (asked.values().some((life) => !life.dead)) return false
    return machines.all.every(({ process }) => {
      if (process === undefined || process.life.paused) return false
      return range(partitions).every((partition) => process.feed.next(partition) === chronicle.referee.next(partition))
    })
  }

  async function play(): Promise<string | undefined> {
    machines.startAll()
    for (const run of runs) {
      scheduler.after(run.submitAfterMs, undefined, () => ask(run))
      const { cancelAfterMs } = run
      if (cancelAfterMs !== undefined)
        scheduler.after(run.submitAfterMs + cancelAfterMs, undefined, () => askToCancel(run))
    }
    scheduler.after(scenario.stormMs, undefined, calmDown)
    const ended = await scheduler.drive(() => alarms.length > 0 || isOver(), maxSteps)
    if (alarms.length > 0) return alarms[0]
    if (ended !== 'reached') return `not over: ${ended}; ${whatIsOpen()}`
    const fresh = newChronicle()
    for (const partition of range(partitions)) {
      for (const record of log.history('runs.v1', partition)) fresh.take(partition, record)
    }
    for (const { runId } of runs)
      count(`run ${chronicle.state(runId)?.outcome} ${chronicle.state(runId)?.reason ?? ''}`.trim())
    const lost = counts.get('run.lost') ?? 0
    const believed = { lost, feeds, told, planned, calls, inFlightAtKills, impatient }
    return findViolation({ weather, runs, partitions, chronicle, fresh, ...believed })
  }

  return { scheduler, scenario, machines, counts, play }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
