import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { Finding } from '#processors/validation/validator.ts'
import { callOf, judged, verdictKindOf } from './session.ts'
import type { Session, SessionCall, SessionEnd, VerdictKind } from './session.ts'

/**
 * How an iterate run ended, for who asked.
 *
 * Promise: from the log alone, so the first answer and a repeated one are the same; texts are as they were judged, secrets
 * redacted. `history` has an entry for each call, those that failed too, which are no iterations.
 */
export interface Iterated {
  readonly runId: string
  readonly traceId: string
  readonly accepted?: {
    readonly artifact: unknown
    readonly validation: Validation
  }
  /** Undefined where it was accepted. */
  readonly failure?: {
    /** `max_iterations`, a limit that was reached, or what went wrong with the last call. */
    readonly code: string
    readonly message: string
    readonly retryAfterMs?: number
  }
  readonly iterations: number
  readonly history: readonly HistoryEntry[]
}

export interface Validation {
  readonly kind: string
  readonly passed: true
  readonly findings: readonly Finding[]
  readonly elapsed_ms: number
  readonly grounded_in_roster: boolean | null
}

export interface HistoryEntry {
  /** From 0. A call that failed has the number of the answer it was to give. */
  readonly iteration: number
  /** What the model wrote. */
  readonly raw: string
  readonly status: AttemptStatus
}

export interface AttemptStatus {
  readonly kind: VerdictKind
  /** What was wrong: the first finding, or the code and message of what failed. */
  readonly error?: Finding | { readonly code: string; readonly message: string }
  /** All that was found, where there is more than one. */
  readonly findings?: readonly Finding[]
}

export async function iteratedOf(
  session: Session & { readonly end: SessionEnd },
  claimCheck: Pick<ClaimCheck, 'open'>,
): Promise<Iterated> {
  const { runId, spec, calls, end } = session
  const history = await Promise.all(
    calls.map(async (call) => ({
      iteration: call.iteration,
      raw: call.completed === undefined ? '' : await claimCheck.open(call.completed.content),
      status: statusOf(call),
    })),
  )
  const of = { runId, traceId: spec.traceId ?? runId, iterations: judged(session), history }
  const verdict = end.outcome === 'accepted' ? callOf(session, end.attempt)?.verdict : undefined
  if (verdict === undefined) return { ...of, failure: failureOf(session) }
  return {
    ...of,
    accepted: {
      artifact: verdict.artifact === null ? null : (JSON.parse(await claimCheck.open(verdict.artifact)) as unknown),
      validation: {
        kind: verdict.validator,
        passed: true,
        findings: verdict.findings,
        elapsed_ms: verdict.durationMs,
        grounded_in_roster: verdict.groundedInRoster,
      },
    },
  }
}

export function statusOf(call: SessionCall): AttemptStatus {
  const { failed, verdict } = call
  const kind = verdictKindOf(call) ?? 'infra_error'
  if (failed !== undefined) return { kind, error: { code: failed.code, message: failed.message } }
  if (verdict === undefined) return { kind, error: { code: 'unjudged', message: 'it was not judged' } }
  const [error] = verdict.findings
  if (error === undefined) return { kind }
  return { kind, error, ...(verdict.findings.length > 1 ? { findings: verdict.findings } : {}) }
}

function failureOf(session: Session & { readonly end: SessionEnd }): NonNullable<Iterated['failure']> {
  const { runId, calls, spec } = session
  const code = codeOf(session)
  const last = calls.at(-1)
  const [error] = calls.findLast(({ verdict }) => verdict !== undefined)?.verdict?.findings ?? []
  const { answers, deadlineMs } = spec.limits
  const refused = error === undefined ? '' : `: ${error.message}`
  const sentences: Readonly<Record<string, string>> = {
    max_iterations: `max iterations reached (${answers}) without passing validation${refused}`,
    attempts: `as many calls were made as may be, without passing validation${refused}`,
    cost: `the cost limit is reached without passing validation${refused}`,
    deadline: `nothing passed validation within ${deadlineMs} ms${refused}`,
    'same-answer': `the model gives the same answer every time${refused}`,
    'breaker-open': 'every provider is left alone for now, after it failed again and again',
    cancelled: 'the run was cancelled',
    abandoned: 'the run was given up: the process that carried it out is gone',
    'server.closing': 'the server is shutting down, ask again in a moment',
    providers: 'no provider can be asked',
  }
  const message = sentences[code] ?? last?.failed?.message ?? error?.message ?? `the run ended: ${code}`
  const retryAfterMs = code === 'server.closing' ? 1000 : (last?.failed?.retryAfterMs ?? undefined)
  return { code, message: `${message} (run ${runId})`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

const limits: ReadonlySet<string> = new Set(['attempts', 'cost', 'deadline', 'same-answer', 'breaker-open', 'unproven'])

function codeOf({ calls, end: { outcome, reason } }: Session & { readonly end: SessionEnd }): string {
  if (outcome === 'abandoned' && reason === 'server.closing') return reason
  if (outcome === 'cancelled' || outcome === 'abandoned') return outcome
  if (reason === 'answers') return 'max_iterations'
  const last = calls.at(-1)
  if (reason === 'unjudged') return last?.verdict?.findings.find(isInfrastructure)?.code ?? reason
  if (reason !== null && limits.has(reason)) return reason
  return last?.failed?.code ?? reason ?? outcome
}

function isInfrastructure({ kind }: Finding): boolean {
  return kind === 'Infrastructure'
}
