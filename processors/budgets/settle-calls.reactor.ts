import type { Clock } from '#processors/ports/clock.ts'
import { nameId } from '#schemas/ids.ts'
import type { EventData } from '#schemas/event.ts'
import type { Budgets } from './budgets.ts'
import type { Hold } from './fold.ts'

/**
 * Settles the calls whose owner did not (R12).
 *
 * Promise: whatever is killed, every reservation of a run that has ended is closed: at what its call is recorded to have
 * cost, whole where the call's end is not known, at nothing where it was never made. So a crash takes no money out of a
 * budget for good, and none is given back that may have been spent. An owner settles its own calls as they end; this
 * looks at what is held longer than a look, so that in quiet times it writes nothing. Two processes that settle the same
 * write the same event id, and the first counts.
 */
export interface SettlePorts {
  readonly budgets: Pick<Budgets, 'feed' | 'settle'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** What the runs store knows of a run; undefined where it knows none of that id. */
  readonly runCosts: (run: string) => Promise<RunCosts | undefined>
}

export interface RunCosts {
  readonly ended: boolean
  readonly attempts: readonly AttemptCost[]
}

export interface AttemptCost {
  readonly attempt: number
  readonly status: 'started' | 'completed' | 'failed'
  readonly code: string | null
  readonly costMicroUsd: number
  readonly estimated: boolean
}

export interface CallSettler {
  /** One look; resolves with the reservations it settled. */
  sweep(): Promise<readonly string[]>
}

/** A result that is recorded is settled by its owner at once, unless that one is gone. */
const ownerMs = 10_000
/** A run nobody knows may be one whose first append is still tried; it ends with its owner. */
const unknownRunMs = 600_000

export function settleCalls({ budgets, clock, runCosts }: SettlePorts): CallSettler {
  const firstSeen = new Map<string, number>()
  return {
    async sweep() {
      const feed = await budgets.feed()
      await feed.catchUp()
      const now = clock.monotonic()
      const holds = [...feed.book.holds()]
      const held = new Set(holds.map(([reservation]) => reservation))
      for (const reservation of firstSeen.keys()) if (!held.has(reservation)) firstSeen.delete(reservation)
      const settled: string[] = []
      for (const [reservation, hold] of holds) {
        const seen = firstSeen.get(reservation)
        if (seen === undefined) {
          firstSeen.set(reservation, now)
          continue
        }
        const end = endOf(hold, await runCosts(hold.run), now - seen)
        if (end === undefined) continue
        await budgets.settle({ reservation, run: hold.run, ...end }, nameId('settle-calls', '1', hold.event, '0'))
        settled.push(reservation)
      }
      return settled
    },
  }
}

type End = Pick<EventData['budget.settled'], 'microUsd' | 'estimated' | 'reason'>

const released: End = { microUsd: 0, estimated: false, reason: 'released' }

/** Undefined while the call may still end by itself. */
function endOf(hold: Hold, run: RunCosts | undefined, heldMs: number): End | undefined {
  if (run === undefined) return heldMs < unknownRunMs ? undefined : released
  const attempt = run.attempts.find((one) => one.attempt === hold.attempt)
  if (attempt !== undefined && attempt.status !== 'started') {
    return run.ended || heldMs >= ownerMs ? endOfCall(attempt) : undefined
  }
  if (!run.ended) return undefined
  return attempt === undefined ? released : { microUsd: hold.microUsd, estimated: true, reason: 'lost' }
}

/** What a call's recorded end makes of its reservation. */
export function endOfCall({ status, code, costMicroUsd, estimated }: Omit<AttemptCost, 'attempt'>): End {
  if (status === 'completed') return { microUsd: costMicroUsd, estimated, reason: 'used' }
  if (code === 'lost') return { microUsd: costMicroUsd, estimated: true, reason: 'lost' }
  return costMicroUsd === 0 ? released : { microUsd: costMicroUsd, estimated, reason: 'cut' }
}
