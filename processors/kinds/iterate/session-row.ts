import type { ChatMessage } from '#processors/ports/model-provider.ts'
import type { ObjectRef } from '#schemas/generated.ts'
import { callOf, judged, verdictKindOf } from './session.ts'
import type { Session, SessionCall, SessionEnd, VerdictKind } from './session.ts'

/**
 * The row of a session, `session.iterate.v1`, as other daemons write it too: see docs/sessions.md.
 *
 * Promise: one a run, whatever its end; nothing is truncated. The view `sessions` of the warehouse gives the same rows.
 */
export interface SessionRow {
  readonly schema: 'session.iterate.v1'
  /** The trace id. */
  readonly session_id: string
  readonly timestamp: string
  readonly daemon: 'lattice'
  /** The validator. */
  readonly kind: string
  readonly model: string
  readonly provider: string
  readonly prompt: string
  /** Answers judged. */
  readonly iterations: number
  readonly max_iterations: number
  readonly final_verdict: FinalVerdict
  readonly attempts: readonly SessionRowAttempt[]
  readonly artifact: unknown
  readonly grounded_in_roster: boolean | null
  readonly duration_ms: number
  readonly run_id: string
  readonly reason: string | null
}

export type FinalVerdict =
  | 'accepted'
  | 'max_iter_exhausted'
  | 'limit_reached'
  | 'infra_error'
  | 'client_gone'
  | 'cancelled'
  | 'abandoned'

interface SessionRowAttempt {
  readonly iteration: number
  readonly verdict_kind: VerdictKind
  readonly error: string | null
  readonly span_id: string | null
  readonly provider: string
  readonly model: string
}

export async function sessionRow(
  session: Session & { readonly end: SessionEnd },
  open: (text: string | ObjectRef) => Promise<string>,
): Promise<SessionRow> {
  const { runId, spec, calls, end } = session
  const stands = callOf(session, end.attempt)
  const last = stands ?? calls.at(-1)
  const choice = last?.started ?? spec.ladder[0]?.choices[0]
  const artifact = stands?.verdict?.artifact ?? null
  const messages = JSON.parse(await open(spec.messages)) as ChatMessage[]
  const prompt = messages.at(-1)?.content
  return {
    schema: 'session.iterate.v1',
    session_id: spec.traceId ?? runId,
    timestamp: end.time,
    daemon: 'lattice',
    kind: spec.validator ?? '',
    model: choice?.model ?? '',
    provider: choice?.provider ?? '',
    prompt: typeof prompt === 'string' ? prompt : JSON.stringify(prompt ?? ''),
    iterations: judged(session),
    max_iterations: spec.limits.answers ?? 0,
    final_verdict: finalVerdict(session),
    attempts: calls.map(attemptOf),
    artifact: artifact === null ? null : (JSON.parse(await open(artifact)) as unknown),
    grounded_in_roster: calls.findLast(({ verdict }) => verdict !== undefined)?.verdict?.groundedInRoster ?? null,
    duration_ms: Math.round(end.durationMs),
    run_id: runId,
    reason: end.reason,
  }
}

/** The run id of a row that is ours; undefined for other daemons' rows and for what is no row. */
export function ownSessionOf(line: string): string | undefined {
  if (!line.includes('"daemon":"lattice"')) return undefined
  try {
    const { daemon, run_id: runId } = JSON.parse(line) as Partial<Record<keyof SessionRow, unknown>>
    return daemon === 'lattice' && typeof runId === 'string' ? runId : undefined
  } catch {
    return undefined
  }
}

function finalVerdict({ end, cancelled }: Session & { readonly end: SessionEnd }): FinalVerdict {
  const { outcome, reason } = end
  if (outcome === 'accepted' || outcome === 'abandoned') return outcome
  if (outcome === 'cancelled') return cancelled === 'gone' ? 'client_gone' : 'cancelled'
  if (outcome === 'failed') return 'infra_error'
  if (reason === 'answers') return 'max_iter_exhausted'
  return ['attempts', 'deadline', 'cost', 'same-answer'].includes(reason ?? '') ? 'limit_reached' : 'infra_error'
}

function attemptOf(call: SessionCall): SessionRowAttempt {
  const { iteration, started } = call
  const { spanId, provider, model } = started
  const kind = verdictKindOf(call) ?? 'infra_error'
  return { iteration, verdict_kind: kind, error: errorOf(call), span_id: spanId, provider, model }
}

function errorOf({ failed, verdict }: SessionCall): string | null {
  if (failed !== undefined) return `${failed.code}: ${failed.message}`
  if (verdict === undefined) return 'not judged'
  const [first] = verdict.findings
  return verdict.passed || first === undefined ? null : `${first.kind}: ${first.message}`
}
