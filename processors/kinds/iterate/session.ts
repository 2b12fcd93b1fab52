import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { EventData } from '#schemas/event.ts'

/**
 * An iterate run as its accepted events tell it: what its answer over HTTP, its row in the session log and the answer to a
 * repeated request are made of.
 *
 * Promise: pure; the same events give the same session, so all three say the same. `accepted` needs the passing verdict of
 * the very answer that stands, here as in every store.
 */
export interface Session {
  readonly runId: string
  readonly spec: EventData['task.submitted']
  readonly calls: readonly SessionCall[]
  /** Set where the run was cancelled: by its caller's going, or by somebody's wish. */
  readonly cancelled?: 'gone' | 'asked'
  readonly end?: SessionEnd
}

export interface SessionEnd {
  readonly outcome: EventData['run.completed']['outcome']
  readonly reason: string | null
  /** The attempt whose answer stands. */
  readonly attempt: number | null
  readonly durationMs: number
  /** By the writer's clock. */
  readonly time: string
}

/** One call of one model. */
export interface SessionCall {
  readonly attempt: number
  /** From 0: how many answers had been judged before this call. */
  readonly iteration: number
  readonly started: EventData['attempt.started']
  readonly completed?: EventData['attempt.completed']
  readonly failed?: EventData['attempt.failed']
  readonly verdict?: EventData['verdict.reached']
}

/** What became of a call; of the seed's words, and `infra_error` for what was never judged. */
export type VerdictKind = 'accepted' | 'no_json' | 'validation_failed' | 'infra_error'

/** Types a session is told by. */
export const sessionTypes: ReadonlySet<string> = new Set([
  'task.submitted',
  'task.cancelled',
  'attempt.started',
  'attempt.completed',
  'attempt.failed',
  'verdict.reached',
  'run.completed',
])

/** How the owner itself says that nobody waits any more. */
const goneReason = 'the caller is gone'

/** After one more accepted event; undefined for a run of another kind. */
export function foldSession(session: Session | undefined, event: AnyStoredEvent): Session | undefined {
  if (session === undefined) {
    if (event.type !== 'task.submitted' || event.data.kind !== 'iterate') return undefined
    return { runId: event.envelope.subject, spec: event.data, calls: [] }
  }
  if (session.end !== undefined) return session
  switch (event.type) {
    case 'task.cancelled':
      return { ...session, cancelled: event.data.reason === goneReason ? 'gone' : (session.cancelled ?? 'asked') }
    case 'attempt.started': {
      const { attempt } = event.data
      if (callOf(session, attempt) !== undefined) return session
      return { ...session, calls: [...session.calls, { attempt, iteration: judged(session), started: event.data }] }
    }
    case 'attempt.completed':
      return withCall(session, event.data.attempt, { completed: event.data })
    case 'attempt.failed':
      return withCall(session, event.data.attempt, { failed: event.data })
    case 'verdict.reached':
      return withCall(session, event.data.attempt, { verdict: event.data })
    case 'run.completed': {
      const { outcome, reason, attempt, durationMs } = event.data
      const end = { outcome, reason, attempt, durationMs, time: event.envelope.time }
      const proven = outcome !== 'accepted' || callOf(session, attempt)?.verdict?.passed === true
      return { ...session, end: proven ? end : { ...end, outcome: 'failed', reason: 'unproven', attempt: null } }
    }
    default:
      return session
  }
}

/** Answers judged so far. */
export function judged({ calls }: Pick<Session, 'calls'>): number {
  return calls.filter(({ verdict }) => verdict !== undefined).length
}

export function callOf({ calls }: Session, attempt: number | null): SessionCall | undefined {
  return calls.find((one) => one.attempt === attempt)
}

/** Undefined while the call or its judging is under way. */
export function verdictKindOf({ failed, verdict }: SessionCall): VerdictKind | undefined {
  if (failed !== undefined) return 'infra_error'
  if (verdict === undefined) return undefined
  if (verdict.passed) return 'accepted'
  const [first] = verdict.findings
  if (first === undefined || first.kind === 'Infrastructure' || first.kind === 'Timeout') return 'infra_error'
  return first.code === 'no-json' ? 'no_json' : 'validation_failed'
}

function withCall(session: Session, attempt: number, change: Partial<SessionCall>): Session {
  return { ...session, calls: session.calls.map((one) => (one.attempt === attempt ? { ...one, ...change } : one)) }
}
