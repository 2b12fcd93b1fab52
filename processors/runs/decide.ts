import { builtIn } from '#processors/models/route-model.ts'
import { backoffMs, bounds } from './limits.ts'
import type { AttemptState, Choice, Outcome, RunState, Step } from './run.ts'

/**
 * The next step of a run, from its state alone.
 *
 * Promise: pure. The same state gives the same step: no clock, network or randomness. So a run that crashed is folded
 * from its events and goes on where it was, and the whole policy is tested without a model. One attempt budget covers
 * retries, provider fallback, validation retries and escalation.
 */
export function decide(run: RunState): Step {
  if (run.outcome !== undefined) return { step: 'done' }
  const last = run.attempts.at(-1)
  if (last !== undefined && last.result === undefined) return { step: 'settle', attempt: last }
  if (run.cancelled) return finish('cancelled')
  if (run.resumesSinceStep >= bounds.resumesWithoutStep) return finish('failed', 'poison')
  if (run.spec.retrieval !== null && run.retrieval === undefined) {
    return run.expired ? finish('failed', 'deadline') : { step: 'retrieve' }
  }

  if (last?.result?.is === 'completed' && last.verdict === undefined) {
    if (run.spec.validator === null) return finish('accepted', undefined, last.attempt)
    return { step: 'validate', attempt: last, validator: run.spec.validator }
  }
  if (last?.verdict?.passed === true) return finish('accepted', undefined, last.attempt)
  // No other answer is judged better by a validator that can't judge.
  if (last?.verdict?.findings.some(({ kind }) => kind === 'Infrastructure') === true)
    return finish('failed', 'unjudged')
  if (run.expired) return gaveUp(run, 'deadline')
  if (run.attempts.length >= run.spec.limits.attempts) return gaveUp(run, 'attempts')
  if (judged(run) >= (run.spec.limits.answers ?? Infinity)) return gaveUp(run, 'answers')
  if (run.spec.limits.costMicroUsd !== null && run.costMicroUsd >= run.spec.limits.costMicroUsd && last !== undefined) {
    return gaveUp(run, 'cost')
  }
  return nextAttempt(run, last)
}

/** Instead of an attempt nobody can be asked for now: work that nobody waits for waits, and who waits is told. */
export function whileResting(run: RunState, restMs: number, leftMs: number): Finish | Extract<Step, { step: 'wait' }> {
  const reason = 'breaker-open'
  if (run.spec.interactive || restMs >= leftMs) return gaveUp(run, reason)
  return { step: 'wait', waitMs: Math.ceil(Math.min(restMs, bounds.longestWaitMs)), reason }
}

/**
 * Instead of the next step, where the process that answers is being stopped: what is done already ends the run, nothing
 * new is begun, and a call that was cut off is no answer of the run. Its asker may ask again, so it is given up and not failed.
 */
export function whileClosing(run: RunState): Step {
  const step = decide(run)
  if (step.step === 'done' || step.step === 'settle' || run.cancelled) return step
  const result = run.attempts.at(-1)?.result
  const isCut = result?.is === 'failed' && ownerStopped(result)
  return step.step === 'finish' && !isCut ? step : finish('abandoned', 'server.closing')
}

type Finish = Extract<Step, { step: 'finish' }>

function nextAttempt(run: RunState, last: AttemptState | undefined): Step {
  if (last === undefined) return attemptAt(run, 0, 0) ?? finish('failed', 'providers')
  if (last.result?.is === 'failed') return afterFailure(run, last, last.result)

  if (run.spec.limits.once) return attemptAt(run, last.tier + 1, 0) ?? gaveUp(run, 'answers')
  const verdicts = run.attempts.filter((one) => one.tier === last.tier && one.verdict?.passed === false).length
  const climbs = verdicts >= verdictsOfTier(run) ? attemptAt(run, last.tier + 1, 0) : undefined
  if (climbs !== undefined) return climbs
  if (last.provider === builtIn.provider) return nextChoice(run, last) ?? gaveUp(run, 'same-answer')
  return attempt(run, last.tier, { provider: last.provider, model: last.model })
}

function afterFailure(
  run: RunState,
  last: AttemptState,
  failure: { retryable: boolean; retryAfterMs?: number; code: string; delivered: boolean },
): Step {
  if (failure.delivered) return finish('failed', failure.code)
  if (failure.code.startsWith('budget-')) return gaveUp(run, failure.code)
  const tries = triesInARow(run)
  const same: Choice = { provider: last.provider, model: last.model }
  if (ownerStopped(failure)) return attempt(run, last.tier, same)
  const waitMs = backoffMs({ runId: run.runId, attempt: last.attempt, tries, ...failure })
  const fits = waitMs < run.spec.limits.deadlineMs - run.elapsedMs
  const next = nextChoice(run, last)
  const worthWaiting = waitMs <= bounds.longestWaitMs * 1.5 || next === undefined
  const again = failure.retryable && !run.spec.limits.once && tries < bounds.triesOfChoice
  if (again && (last.waited || (fits && worthWaiting))) {
    return last.waited ? attempt(run, last.tier, same) : { step: 'wait', waitMs, reason: failure.code }
  }
  return next ?? gaveUp(run, failure.retryable && !fits ? 'deadline' : 'providers')
}

/** Where answers are counted, no tier takes so many that the strongest is never asked. */
function verdictsOfTier({ spec: { ladder, limits } }: RunState): number {
  if (limits.answers === null) return bounds.verdictsOfTier
  return Math.max(1, Math.min(bounds.verdictsOfTier, Math.floor(limits.answers / ladder.length)))
}

function judged(run: RunState): number {
  return run.attempts.filter((one) => one.verdict !== undefined).length
}

/** The next provider of the tier, else the first of the next tier. */
function nextChoice(run: RunState, last: AttemptState): Step | undefined {
  const choices = run.spec.ladder[last.tier]?.choices ?? []
  const index = choices.findIndex((one) => one.provider === last.provider && one.model === last.model)
  return attemptAt(run, last.tier, index + 1) ?? attemptAt(run, last.tier + 1, 0)
}

/** Failed calls of the last choice since it was last given up or answered. */
function triesInARow(run: RunState): number {
  const last = run.attempts.at(-1)
  let tries = 0
  for (const one of run.attempts.toReversed()) {
    if (one.provider !== last?.provider || one.model !== last.model || one.result?.is !== 'failed') break
    if (!ownerStopped(one.result)) tries += 1
  }
  return tries
}

/** The call ended because its owner did; that says nothing of the provider. */
function ownerStopped(failure: { code: string }): boolean {
  return failure.code === 'lost' || failure.code === 'cancelled'
}

function attemptAt(run: RunState, tier: number, index: number): Step | undefined {
  const choice = run.spec.ladder[tier]?.choices[index]
  return choice === undefined ? undefined : attempt(run, tier, choice)
}

function attempt(run: RunState, tier: number, choice: Choice): Step {
  return { step: 'attempt', attempt: run.attempts.length + 1, tier, choice }
}

/** An answer that was judged and refused is `rejected`; a run that never got one is `failed`. */
function gaveUp(run: RunState, reason: string): Finish {
  return finish(run.attempts.some((one) => one.verdict?.passed === false) ? 'rejected' : 'failed', reason)
}

function finish(outcome: Outcome, reason?: string, attempt?: number): Finish {
  return {
    step: 'finish',
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(attempt === undefined ? {} : { attempt }),
  }
}
