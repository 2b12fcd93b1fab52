import { carryOutPorts } from './carry-out-ports.ts'
import { settleCalls } from './budgets/settle-calls.reactor.ts'
import { reactorFailed } from './delivery/reactor-failed.ts'
import { shareTopic } from './delivery/share-topic.ts'
import { workTasks } from './kinds/task/work-tasks.reactor.ts'
import { partitionOf } from './ports/event-log.ts'
import { closeAbandoned } from './runs/close-abandoned.reactor.ts'
import { runCostsOf } from './runs/run-costs.query.ts'
import { attemptsOf, openInteractive } from './runs/runs.query.ts'
import { exportSpans } from './export-spans.ts'
import { followSinks } from './sinks.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'

/**
 * The worker role: what a started process does on its own.
 *
 * Promise: `stop` takes no more work, gives what is under way `graceMs` to finish, and leaves the rest resumable.
 */
export interface Worker {
  stop(graceMs: number): Promise<void>
}

const sweepEveryMs = 5_000
const settleEveryMs = 5_000
const countWaitMs = 2_000

export async function work(lattice: Lattice): Promise<Worker> {
  const { given } = lattice
  const { clock, report, settings, locks } = given
  /** Locks are of one machine and data folder, so only its own processes can be known dead by them. */
  const died = (worker: string): boolean | undefined =>
    worker.startsWith(placeOf(settings.worker)) ? !locks.isHeld(`process-${worker}`) : undefined
  const workShare = await given.openWorkShare()
  const taking = new AbortController()
  const working = new AbortController()
  const reactor = workTasks({
    ...carryOutPorts(lattice),
    log: given.log,
    codec: lattice.codec,
    park: lattice.park,
    died,
  })
  const sharing = shareTopic(
    reactor,
    { workShare, clock, report },
    { window: settings.window, signal: taking.signal, stopping: working.signal },
  )
  sharing.catch((error: unknown) => report(reactorFailed(reactor.name, error)))
  const exporting = await exportSpans(lattice, { workShare, signal: taking.signal })
  const sweeping = Promise.all([sweep(), settle(), followSinks(lattice, taking.signal)])

  async function sweep(): Promise<void> {
    const sweeper = closeAbandoned({
      journal: lattice.journal,
      feed: lattice.feed,
      clock,
      open: () => need(lattice, 'lookup').query((tables) => openInteractive(tables)),
      attempts: (runId) => countAttempts(lattice, runId),
      died,
    })
    while (!taking.signal.aborted) {
      await clock.sleep(sweepEveryMs, taking.signal)
      await sweeper.sweep().catch((error: unknown) => report(reactorFailed('close-abandoned', error)))
    }
  }

  /** Reservations of this log are settled here also where this process was told of no budgets. */
  async function settle(): Promise<void> {
    const { budgets } = lattice
    const settler = settleCalls({
      budgets,
      clock,
      runCosts: (run) => need(lattice, 'lookup').query((tables) => runCostsOf(tables, run)),
    })
    let needed = budgets.rules.length > 0
    while (!taking.signal.aborted) {
      await clock.sleep(settleEveryMs, taking.signal)
      try {
        needed ||= (await given.log.bounds('budgets.v1')).some(({ next }) => next > 0)
        if (needed && !taking.signal.aborted) await settler.sweep()
      } catch (error) {
        report(reactorFailed('settle-calls', error))
      }
    }
  }

  return {
    async stop(graceMs) {
      taking.abort()
      const settled = Promise.allSettled([sharing, sweeping, exporting?.stop()])
      const over = new AbortController()
      await Promise.race([settled, clock.sleep(graceMs, over.signal)])
      over.abort()
      working.abort()
      await settled
      await workShare.close()
    },
  }
}

/** Calls a run began by what the feed has judged; undefined while the store is not there yet. */
async function countAttempts(lattice: Lattice, runId: string): Promise<number | undefined> {
  const { feed, given } = lattice
  const lookup = need(lattice, 'lookup')
  const partition = partitionOf(runId, given.log.partitions('runs.v1'))
  const judged = { topic: 'runs.v1', partition, offset: feed.next(partition) - 1 }
  if (!(await lookup.reached([judged], countWaitMs))) return undefined
  return lookup.query((tables) => attemptsOf(tables, runId))
}

/** Machine and data folder, as they stand before the process in a worker's name. */
function placeOf(worker: string): string {
  return `${worker.split('.')[0]}.`
}
