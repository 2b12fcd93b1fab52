import type { Budgets } from '#processors/budgets/budgets.ts'
import { endOfCall } from '#processors/budgets/settle-calls.reactor.ts'
import type { EventData } from '#schemas/event.ts'
import type { RunState } from './run.ts'
import type { CallResult, Reservation } from './steps.ts'

/**
 * The budgets' word on a run's call, and its settling by the owner.
 *
 * Promise: nobody waits for a settlement. One that can't be written is made up for by the sweep (`settle-calls`).
 */
export function reserveBy(budgets: Pick<Budgets, 'reserve' | 'settle'>) {
  return async (run: RunState, started: EventData['attempt.started'], signal: AbortSignal): Promise<Reservation> => {
    const { principal, tags } = run.spec
    const { attempt, provider, model, messages, parameters } = started
    if (typeof messages !== 'string') throw new Error('a call is asked for with its messages as they are sent')
    const call = { run: run.runId, attempt, provider, model, messages, parameters, principal, tags }
    const asked = await budgets.reserve(call, signal)
    if (!asked.granted || asked.reservation === undefined) return asked
    const { reservation } = asked
    return {
      granted: true,
      settle(result) {
        const settled = { reservation, run: run.runId, ...(result === undefined ? notMade : endOf(result)) }
        budgets.settle(settled).catch(() => {})
      },
    }
  }
}

const notMade = { microUsd: 0, estimated: false, reason: 'released' } as const

function endOf({ type, data }: CallResult): ReturnType<typeof endOfCall> {
  const { costMicroUsd, usageEstimated: estimated } = data
  if (type === 'attempt.completed') return endOfCall({ status: 'completed', code: null, costMicroUsd, estimated })
  return endOfCall({ status: 'failed', code: data.code, costMicroUsd, estimated })
}
