import type { Journal } from '#processors/journal/journal.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { nameId } from '#schemas/ids.ts'
import type { RunState } from './run.ts'

/**
 * Closes a run whose owner met what nobody foresaw, and throws it on.
 *
 * Promise: an interactive run, which nobody could resume, is closed as failed at once, with the failure's code (`internal`
 * for what has none) as its reason, behind what is on the log of it (R1). A queued one stays open: another worker takes it
 * up, and closes it as poison where that breaks as well (R8). What the log itself refuses is left to the sweeper (R9); it is
 * waited for 3 s at most.
 */
export async function closeFailed(run: RunState, error: unknown, ports: ClosePorts): Promise<never> {
  if (!run.spec.interactive || isOfLog(error)) throw error
  const over = new AbortController()
  const closing = close(run, isFailure(error) ? error.code : 'internal', ports).catch(() => {})
  await Promise.race([closing, ports.clock.sleep(patienceMs, over.signal)])
  over.abort()
  throw error
}

interface ClosePorts {
  readonly journal: Journal
  readonly feed: RunFeed
  readonly clock: Clock
}

const patienceMs = 3_000

function isOfLog(error: unknown): boolean {
  return isFailure(error) && (error.code.startsWith('log.') || error.code === 'append.outcome-unknown')
}

async function close({ runId, attempts }: RunState, reason: string, { journal, feed }: ClosePorts): Promise<void> {
  await feed.catchUp()
  const chain = feed.chain(runId)
  if (chain === undefined || chain.closed) return
  await journal.write([
    {
      type: 'run.completed',
      subject: runId,
      id: nameId('failed', chain.lastId),
      chain: { run: runId, seq: chain.seq + 1, prev: chain.lastId },
      data: { outcome: 'failed', reason, attempt: null, attempts: attempts.length, durationMs: 0 },
    },
  ])
}
