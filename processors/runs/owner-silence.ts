import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { bounds } from './limits.ts'
import type { RunState } from './run.ts'

/**
 * Whether a run that somebody else began may be taken over; waits until that is known.
 *
 * Promise: true at once where nobody owns it, where its owner is this process's own past, has stopped or is surely dead;
 * else true once the owner has been silent for longer than a living one can be. False when something happened to the run
 * meanwhile, or the signal aborted: its state is to be looked at anew. So a healthy long call is never taken over,
 * whatever the work share says (R8, R10), and a run whose owner dies always has a next one.
 */
export async function ownerIsGone(run: RunState, ports: OwnerPorts, signal: AbortSignal): Promise<boolean> {
  const { feed, clock, worker } = ports
  const { owner } = run
  if (owner === undefined || owner === worker || hasStopped(run)) return true
  const heard = new AbortController()
  const unwatch = feed.watch(run.runId, ({ accepted }) => {
    if (accepted) heard.abort()
  })
  const until = clock.monotonic() + longestSilenceMs(run)
  const either = AbortSignal.any([signal, heard.signal])
  try {
    while (!either.aborted) {
      const died = ports.died?.(owner)
      const leftMs = until - clock.monotonic()
      if (died === true || leftMs <= 0) return true
      await clock.sleep(died === false ? Math.min(lookEveryMs, leftMs) : leftMs, either)
    }
    return false
  } finally {
    unwatch()
  }
}

export interface OwnerPorts {
  readonly feed: RunFeed
  readonly clock: Clock
  /** This process, as it stands in `run.started`. */
  readonly worker: string
  /** Whether the process of this name surely died: its lock is free. Undefined where that can't be known. */
  readonly died?: (worker: string) => boolean | undefined
}

/** How often a living owner of this machine is looked after. */
const lookEveryMs = 1_000
/** Beyond its own time a call may wait for money and be cut late. */
const aroundCallMs = 30_000

/** Its owner was told to stop: the last thing it wrote is the call it gave up. */
function hasStopped({ attempts, cancelled, resumesSinceStep }: RunState): boolean {
  const result = attempts.at(-1)?.result
  return result?.is === 'failed' && result.code === 'cancelled' && !cancelled && resumesSinceStep === 0
}

/** Each step ends by the deadline, but for a verdict, which may begin just before it; a call has a time of its own. */
function longestSilenceMs({ spec: { limits }, attempts }: RunState): number {
  const last = attempts.at(-1)
  const isCalling = last !== undefined && last.result === undefined
  const stepMs = isCalling ? Math.min(limits.deadlineMs, limits.attemptTimeoutMs + aroundCallMs) : limits.deadlineMs
  return stepMs + 2 * bounds.verdictMs
}
