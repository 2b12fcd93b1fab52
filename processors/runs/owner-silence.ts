import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { bounds } from './limits.ts'
import type { RunSpec } from './run.ts'

/**
 * Waits while another owner carries a run out, for whoever was handed the run too.
 *
 * Promise: resolves when the run has ended, when its owner has been silent for longer than a living one can be, or when
 * the signal aborts. So nobody has to give up what it was handed, and a run whose owner dies always has a next one (R10).
 */
export async function ownerIsSilent(
  run: { readonly runId: string; readonly spec: RunSpec },
  ports: { readonly feed: RunFeed; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const { feed, clock } = ports
  let heard = new AbortController()
  const unwatch = feed.watch(run.runId, ({ accepted }) => {
    if (accepted) heard.abort()
  })
  try {
    while (feed.chain(run.runId)?.closed === false) {
      heard = new AbortController()
      await clock.sleep(longestSilenceMs(run.spec), AbortSignal.any([signal, heard.signal]))
      if (!heard.signal.aborted) return
    }
  } finally {
    unwatch()
  }
}

/** Each step ends by the deadline, but for a verdict, which may begin just before it. */
function longestSilenceMs({ limits }: RunSpec): number {
  return limits.deadlineMs + 2 * bounds.verdictMs
}
