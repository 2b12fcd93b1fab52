import { nameId } from '#schemas/ids.ts'
import type { Journal } from '#processors/journal/journal.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'

/**
 * Closes interactive runs whose caller died (R9).
 *
 * Promise: no interactive run stays open for ever, and none is closed under a living owner before its deadline plus the
 * grace. Times each run on this process's monotonic clock from when it first saw it, so no other clock is trusted. A
 * living zombie then loses by the chain (R1).
 */
export interface AbandonedPorts {
  readonly journal: Journal
  readonly feed: RunFeed
  readonly clock: Clock
  readonly open: () => Promise<readonly { runId: string; worker: string | null; deadlineMs: number }[]>
  /** How many calls a run began, by all that `feed` has judged now. Undefined where that is not known yet. */
  readonly attempts: (runId: string) => Promise<number | undefined>
  /** Whether the process of this name surely died: its lock is free. Undefined where that can't be known. */
  readonly died: (worker: string) => boolean | undefined
}

export const graceMs = 30_000

export interface Sweeper {
  /** One look; resolves with the runs it closed. */
  sweep(): Promise<readonly string[]>
}

export function closeAbandoned(ports: AbandonedPorts): Sweeper {
  const firstSeen = new Map<string, number>()
  return {
    async sweep() {
      const now = ports.clock.monotonic()
      const open = await ports.open()
      const ids = new Set(open.map((run) => run.runId))
      for (const runId of firstSeen.keys()) if (!ids.has(runId)) firstSeen.delete(runId)
      const closed: string[] = []
      for (const { runId, worker, deadlineMs } of open) {
        const seen = firstSeen.get(runId) ?? now
        firstSeen.set(runId, seen)
        const dead = worker !== null && ports.died(worker) === true
        if (!dead && now - seen < deadlineMs + graceMs) continue
        if (await close(runId, ports)) closed.push(runId)
      }
      return closed
    },
  }
}

async function close(run: string, ports: AbandonedPorts): Promise<boolean> {
  const { journal, feed } = ports
  const chain = feed.chain(run)
  if (chain === undefined || chain.closed) return false
  const attempts = await ports.attempts(run)
  // Not counted yet, or it goes on after all: the next look will tell.
  if (attempts === undefined || feed.chain(run)?.lastId !== chain.lastId) return false
  const { positions } = await journal.write([
    {
      type: 'run.completed',
      subject: run,
      id: nameId('abandoned', chain.lastId),
      chain: { run, seq: chain.seq + 1, prev: chain.lastId },
      data: { outcome: 'abandoned', reason: 'its caller is gone', attempt: null, attempts, durationMs: 0 },
    },
  ])
  const position = positions[0]
  if (position === undefined) return false
  await feed.reached(position)
  return !feed.isRejected(position.partition, position.offset)
}
