import type { Journal } from '#processors/journal/journal.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import { Failure } from '#processors/ports/failure.ts'
import { quoted } from '#processors/ports/quoted.ts'
import type { Position } from '#schemas/position.ts'

/**
 * Asks for the end of a run.
 *
 * Promise: a control event that takes effect at its position, if the run is open there. A run that ended before is
 * left as it ended: `run.closed`. Cancelling twice is cancelling once.
 */
/** How long somebody who asks is kept waiting for a log that is gone. */
const patienceMs = 3_000

export async function cancelTask(
  ports: { journal: Journal; feed: RunFeed },
  runId: string,
  options: { principal: string; reason?: string },
): Promise<{ position: Position }> {
  const chain = ports.feed.chain(runId)
  if (chain === undefined) throw new Failure('run.unknown', `there is no run ${quoted(runId)}`)
  if (chain.closed) throw new Failure('run.closed', `run ${runId} has ended`)
  const event = {
    type: 'task.cancelled',
    subject: runId,
    data: { reason: options.reason ?? null, principal: options.principal },
    chain: { run: runId, seq: -1, prev: '' },
  } as const
  const { positions } = await ports.journal.write([event], { patienceMs })
  const position = positions[0]
  if (position === undefined) throw new Failure('internal', 'the cancellation got no position')
  await ports.feed.reached(position)
  if (ports.feed.isRejected(position.partition, position.offset)) {
    throw new Failure('run.closed', `run ${runId} ended first`)
  }
  return { position }
}
