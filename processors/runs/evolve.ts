import type { AnyNewEvent, NewEvent } from '#schemas/event.ts'
import type { AttemptState, RunState } from './run.ts'

/**
 * The state of a run after one more accepted event.
 *
 * Promise: pure and total; what does not fit changes nothing. `accepted` needs a passing verdict of that very attempt
 * where the specification names a validator, and an answer in any case; a completion that claims more closes the run as
 * failed (`verdict.closed`). An attempt has one result and its answer one verdict: the first.
 */
export function evolve(run: RunState | undefined, event: AnyNewEvent): RunState | undefined {
  if (event.type === 'task.submitted') return run ?? submitted(event)
  if (run === undefined || run.outcome !== undefined) return run
  switch (event.type) {
    case 'task.cancelled':
      return { ...run, cancelled: true }
    case 'run.started':
      return { ...run, owner: event.data.worker }
    case 'run.resumed':
      return {
        ...run,
        owner: event.data.worker,
        resumes: run.resumes + 1,
        resumesSinceStep: run.resumesSinceStep + 1,
      }
    case 'retrieval.completed':
      return stepDone({ ...run, retrieval: event.data }, event.data.durationMs)
    case 'attempt.started': {
      const { attempt, tier, provider, model, reservedMicroUsd } = event.data
      if (attemptOf(run, attempt) !== undefined) return run
      return {
        ...run,
        attempts: [...run.attempts, { attempt, tier, provider, model, reservedMicroUsd, waited: false }],
      }
    }
    case 'attempt.completed': {
      const { attempt, content, costMicroUsd, durationMs } = event.data
      if (!isOpen(attemptOf(run, attempt))) return run
      const next = { ...stepDone(run, durationMs), costMicroUsd: run.costMicroUsd + costMicroUsd }
      return withAttempt(next, attempt, { result: { is: 'completed', content } })
    }
    case 'attempt.failed': {
      const { attempt, code, message, retryable, retryAfterMs, delivered, costMicroUsd, durationMs } = event.data
      if (!isOpen(attemptOf(run, attempt))) return run
      const spent = { ...run, costMicroUsd: run.costMicroUsd + costMicroUsd }
      const next = code === 'lost' ? spent : stepDone(spent, durationMs)
      return withAttempt(next, attempt, {
        result: {
          is: 'failed',
          code,
          message,
          retryable,
          delivered,
          ...(retryAfterMs === null ? {} : { retryAfterMs }),
        },
      })
    }
    case 'verdict.reached': {
      const { attempt, passed, findings, durationMs } = event.data
      if (!awaitsVerdict(attemptOf(run, attempt))) return run
      return withAttempt(stepDone(run, durationMs), attempt, { verdict: { passed, findings } })
    }
    case 'run.waited': {
      const last = run.attempts.at(-1)
      const next = stepDone(run, event.data.waitMs)
      return last === undefined ? next : withAttempt(next, last.attempt, { waited: true })
    }
    case 'run.expired':
      return { ...run, expired: true }
    case 'run.completed': {
      const { outcome, reason, attempt, durationMs } = event.data
      if (outcome === 'accepted' && !mayStand(run, attempt))
        return { ...run, durationMs, outcome: 'failed', reason: 'unproven' }
      return {
        ...run,
        outcome,
        durationMs,
        ...(reason === null ? {} : { reason }),
        ...(attempt === null ? {} : { answer: attempt }),
      }
    }
    default:
      return run
  }
}

function submitted({ subject: runId, data: spec, traceparent }: NewEvent<'task.submitted'>): RunState {
  const none = { resumes: 0, resumesSinceStep: 0, elapsedMs: 0, costMicroUsd: 0, expired: false, cancelled: false }
  return { runId, spec, ...(traceparent === undefined ? {} : { traceparent }), attempts: [], ...none }
}

function mayStand(run: RunState, number: number | null): boolean {
  const attempt = attemptOf(run, number)
  if (attempt?.result?.is !== 'completed') return false
  return run.spec.validator === null || attempt.verdict?.passed === true
}

function attemptOf(run: RunState, number: number | null): AttemptState | undefined {
  return run.attempts.find((one) => one.attempt === number)
}

function isOpen(attempt: AttemptState | undefined): boolean {
  return attempt !== undefined && attempt.result === undefined
}

function awaitsVerdict(attempt: AttemptState | undefined): boolean {
  return attempt?.result?.is === 'completed' && attempt.verdict === undefined
}

function stepDone(run: RunState, durationMs: number): RunState {
  return { ...run, elapsedMs: run.elapsedMs + durationMs, resumesSinceStep: 0 }
}

function withAttempt(run: RunState, number: number, change: Partial<AttemptState>): RunState {
  return { ...run, attempts: run.attempts.map((one) => (one.attempt === number ? { ...one, ...change } : one)) }
}
