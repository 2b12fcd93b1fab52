import type { Admission } from '#processors/models/guard-providers.ts'
import { type AttemptPorts, planAttempt } from './attempt.step.ts'
import type { RunState, Step } from './run.ts'
import type { PlannedCall, Resting } from './steps.ts'

/**
 * Plans an attempt at the choice that was decided, else at the next one of the ladder whose provider is not left alone.
 *
 * Promise: a provider whose breaker is open is passed over before `attempt.started`, so every attempt on the log was
 * asked for. The event names who is asked; `decide` goes on from there, and needs to know of no breaker.
 */
type AttemptAt = Extract<Step, { step: 'attempt' }>

export interface AwakePorts extends AttemptPorts {
  readonly admit: (provider: string) => Admission
}

export async function planAwake(run: RunState, step: AttemptAt, ports: AwakePorts): Promise<PlannedCall | Resting> {
  let restMs = Infinity
  for (const at of fromHereOn(run, step)) {
    const admission = ports.admit(at.choice.provider)
    if (admission.is === 'admitted') return planAttempt(run, at, { ...ports, providers: () => admission.provider })
    restMs = Math.min(restMs, admission.restMs)
  }
  return { restMs }
}

/** As a failure would go on: the rest of the tier, then the stronger ones. */
function fromHereOn({ spec: { ladder } }: RunState, step: AttemptAt): readonly AttemptAt[] {
  const { choices = [] } = ladder[step.tier] ?? {}
  const index = choices.findIndex(
    ({ provider, model }) => provider === step.choice.provider && model === step.choice.model,
  )
  const rest = choices.slice(index + 1).map((choice) => ({ ...step, choice }))
  const above = ladder.flatMap(({ choices: stronger }, tier) =>
    tier > step.tier ? stronger.map((choice) => ({ ...step, tier, choice })) : [],
  )
  return [step, ...rest, ...above]
}
