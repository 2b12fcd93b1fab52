/**
 * One incarnation of a process: production's journal, referee, feed, reactor runtime and run machine over simulated ports.
 */
import { shareTopic } from '#processors/delivery/share-topic.ts'
import { type Journal, openJournal } from '#processors/journal/journal.ts'
import { parkOn } from '#processors/journal/park.ts'
import { createReferee, type Referee } from '#processors/journal/referee.ts'
import { openRunFeed, type RunFeed } from '#processors/journal/run-feed.ts'
import { workTasks } from '#processors/kinds/task/work-tasks.reactor.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import type { WorkShare } from '#processors/ports/work-share.ts'
import { carryOut, type CarriedOut, type CarryOutPorts } from '#processors/runs/carry-out.ts'
import type { KnownRun } from '#processors/runs/known-run.ts'
import type { Steps } from '#processors/runs/steps.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { unaltered } from '#test/processors/journal/unaltered.ts'
import type { Life } from './scheduler.ts'

export interface RunningProcess {
  readonly life: Life
  readonly feed: RunFeed
  readonly journal: Journal
  readonly clock: Clock
  /** Carries a run out where it was asked for. */
  carryOut(known: KnownRun): Promise<CarriedOut>
  /** As at SIGTERM: takes no more, and leaves what is not done in time; resolves when it may exit. */
  stop(graceMs: number): Promise<void>
}

/** What a process of the simulation stands on; a mutation is one of these replaced. */
export interface ProcessPorts {
  readonly life: Life
  readonly codec: Codec
  readonly clock: Clock
  readonly log: EventLog
  readonly workShare: WorkShare
  readonly steps: Steps
  /** The referee's store: what survives the process. */
  readonly tables: TableStore
  readonly report: (signal: Signal) => void
  readonly alarm: (what: string, error: unknown) => void
  /** Whether a process surely died. */
  readonly died: (worker: string) => boolean | undefined
}

export interface Mutation {
  readonly name: string
  readonly ports?: (ports: ProcessPorts) => ProcessPorts
  readonly referee?: (referee: Referee) => Referee
  readonly feed?: (feed: RunFeed) => RunFeed
}

/** The feed flushes its referee every second: much work for little in a simulation. */
const flushStretch = 60

export function startProcess(given: ProcessPorts, mutation: Mutation | undefined): RunningProcess {
  const ports = mutation?.ports?.(given) ?? given
  const { life, codec, clock, log, steps, workShare, report, alarm, died } = ports
  const referee = createReferee(ports.tables)
  const opened = openRunFeed({
    log,
    referee: mutation?.referee?.(referee) ?? referee,
    clock: { ...clock, sleep: (ms, signal) => clock.sleep(ms * flushStretch, signal) },
    follow: true,
    report,
    onStopped: (failure) => alarm('the run feed stopped', failure),
  })
  const feed = mutation?.feed?.(opened) ?? opened
  const journal = openJournal({
    log,
    codec,
    ...unaltered,
    clock,
    source: `/lattice/worker/${life.name}`,
    report,
    onAppended: (topic, positions, records) => void (topic === 'runs.v1' && feed.appended(positions, records)),
  })

  const taking = new AbortController()
  const stopping = new AbortController()
  const { signal } = stopping
  const park = parkOn({ journal, clock, report, signal })
  const runPorts: CarryOutPorts = { journal, feed, steps, clock, report, worker: life.name }
  const working = shareTopic(
    workTasks({ ...runPorts, log, codec, park, died }),
    { workShare, clock, report },
    { window: 4, signal: taking.signal, stopping: signal },
  ).catch((error: unknown) => alarm('the worker ended', error))
  const asked = new Set<Promise<CarriedOut>>()

  return {
    life,
    feed,
    journal,
    clock,
    carryOut(known) {
      const result = carryOut(known, runPorts, signal).finally(() => asked.delete(result))
      asked.add(result)
      return result
    },
    async stop(graceMs) {
      taking.abort()
      const settled = Promise.allSettled([working, ...asked])
      await Promise.race([settled, clock.sleep(graceMs)])
      stopping.abort()
      await settled
      await feed.close()
    },
  }
}
