import type { AnyNewEvent } from '#schemas/event.ts'
import type { AttemptState, RunState } from './run.ts'

/** An accepted event of a run, as far as the state needs it. */
export type RunEvent = Pick<AnyNewEvent, 'type' | 'subject' | 'data'> & AnyNewEvent

/**
 * The state of a run after one more accepted event.
 *
 * Promise: pure and total. `accepted` needs a passing verdict of that very attempt where the specification names a
 * validator, and an answer in any case; a completion that claims more closes the run as failed (`verdict.closed`).
 */
export function evolve(run: RunState | undefined, event: AnyNewEvent): RunState | undefined {
  if (event.type === 'task.submitted') return run ?? submitted(event.subject, event.data)
  if (run === undefined || run.outcome !== undefined) return run
  switch (event.type) {
    case 'task.cancelled':
      return { ...run, cancelled: { principal: event.data.principal, reason: event.data.reason } }
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
      const { attempt, tier, provider, model } = event.data
      return { ...run, attempts: [...run.attempts, { attempt, tier, provider, model, waited: false }] }
    }
    case 'attempt.completed': {
      const next = stepDone(run, event.data.durationMs)
      return {
        ...withAttempt(next, event.data.attempt, { result: { is: 'completed', content: event.data.content } }),
        costMicroUsd: run.costMicroUsd + event.data.costMicroUsd,
      }
    }
    case 'attempt.failed': {
      const { attempt, code, message, retryable, retryAfterMs, durationMs } = event.data
      const next = code === 'lost' ? run : stepDone(run, durationMs)
      return withAttempt(next, attempt, {
        result: { is: 'failed', code, message, retryable, ...(retryAfterMs === null ? {} : { retryAfterMs }) },
      })
    }
    case 'verdict.reached': {
      const { attempt, passed, findings, durationMs } = event.data
      return withAttempt(stepDone(run, durationMs), attempt, { verdict: { passed, findings } })
    }
    case 'run.waited': {
      const last = run.attempts.at(-1)
      const next = { ...run, elapsedMs: run.elapsedMs + event.data.waitMs }
      return last === undefined ? next : withAttempt(next, last.attempt, { waited: true })
    }
    case 'run.expired':
      return { ...run, expired: true }
    case 'run.completed': {
      const { outcome, reason, attempt } = event.data
      if (outcome === 'accepted' && !mayStand(run, attempt)) return { ...run, outcome: 'failed', reason: 'unproven' }
      return {
        ...run,
        outcome,
        ...(reason === null ? {} : { reason }),
        ...(attempt === null ? {} : { answer: attempt }),
      }
    }
    default:
      return run
  }
}

function submitted(runId: string, spec: RunState['spec']): RunState {
  return { runId, spec, resumes: 0, resumesSinceStep: 0, attempts: [], elapsedMs: 0, costMicroUsd: 0, expired: false }
}

function mayStand(run: RunState, number: number | null): boolean {
  const attempt = run.attempts.find((one) => one.attempt === number)
  if (attempt?.result?.is !== 'completed') return false
  return run.spec.validator === null || attempt.verdict?.passed === true
}

function stepDone(run: RunState, durationMs: number): RunState {
  return { ...run, elapsedMs: run.elapsedMs + durationMs, resumesSinceStep: 0 }
}

function withAttempt(run: RunState, number: number, change: Partial<AttemptState>): RunState {
  return { ...run, attempts: run.attempts.map((one) => (one.attempt === number ? { ...one, ...change } : one)) }
}
