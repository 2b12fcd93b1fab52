import { carryOutPorts } from './carry-out-ports.ts'
import { shareTopic } from './delivery/share-topic.ts'
import { workTasks } from './kinds/task/work-tasks.reactor.ts'
import { closeAbandoned } from './runs/close-abandoned.reactor.ts'
import { openInteractive } from './runs/runs.query.ts'
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

export async function work(lattice: Lattice): Promise<Worker> {
  const { given } = lattice
  const { clock, report, settings, locks } = given
  const workShare = await given.openWorkShare()
  const taking = new AbortController()
  const working = new AbortController()
  const reactor = workTasks({
    ...carryOutPorts(lattice),
    log: given.log,
    codec: lattice.codec,
    park: lattice.park,
  })
  const sharing = shareTopic(
    reactor,
    { workShare, clock, report },
    { window: settings.window, signal: taking.signal, stopping: working.signal },
  )
  sharing.catch((error: unknown) => {
    report({ signal: 'reactor.failed', reactor: reactor.name, code: 'internal', message: String(error) })
  })
  const sweeping = sweep()

  async function sweep(): Promise<void> {
    const sweeper = closeAbandoned({
      journal: lattice.journal,
      feed: lattice.feed,
      clock,
      open: () => need(lattice, 'lookup').query((tables) => openInteractive(tables)),
      died: (worker) => (worker.startsWith(hostOf(settings.worker)) ? !locks.isHeld(`process-${worker}`) : undefined),
    })
    while (!taking.signal.aborted) {
      await clock.sleep(sweepEveryMs, taking.signal)
      await sweeper.sweep().catch((error: unknown) => {
        report({ signal: 'reactor.failed', reactor: 'close-abandoned', code: 'internal', message: String(error) })
      })
    }
  }

  return {
    async stop(graceMs) {
      taking.abort()
      const settled = Promise.allSettled([sharing, sweeping])
      const over = new AbortController()
      await Promise.race([settled, clock.sleep(graceMs, over.signal)])
      over.abort()
      working.abort()
      await settled
      await workShare.close()
    },
  }
}

/** Locks are of one machine, so only its own processes can be known dead by them. */
function hostOf(worker: string): string {
  return `${worker.split('.')[0]}.`
}
