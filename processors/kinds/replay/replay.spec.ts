import type { RunSpec, RunState } from '#processors/runs/run.ts'
import { sha256 } from '#schemas/ids.ts'

/**
 * A task to be replayed becomes a run's specification: retrieve, ask the local model, judge, escalate.
 *
 * Promise: each model is asked once and with the same messages; the stronger one only where the request allows it. The
 * run's id hashes when it began and a nonce (R13), and both are fixed before anything is appended.
 */
export interface ReplayRequest {
  readonly task: string
  readonly localOnly?: boolean
  readonly allowEscalation?: boolean
  readonly noRetrieval?: boolean
  /** Asks no model. */
  readonly dryRun?: boolean
  readonly localModel?: string
  readonly escalationModel?: string
}

export interface ReplayGiven {
  readonly ladder: RunSpec['ladder']
  readonly retrieval: Omit<NonNullable<RunSpec['retrieval']>, 'query'> | undefined
  readonly limits: Pick<RunSpec['limits'], 'attemptTimeoutMs' | 'deadlineMs'>
  readonly root: string
  readonly principal: string
  readonly traceId: string
  /** When it began, by this machine's clock. */
  readonly recordedAt: string
  readonly bodyHash?: string | undefined
}

export function replaySpec(request: ReplayRequest, given: ReplayGiven): RunSpec {
  const { task } = request
  const choices = given.ladder.reduce((sum, tier) => sum + tier.choices.length, 0)
  return {
    kind: 'replay',
    messages: JSON.stringify([
      { role: 'system', content: systemPrompt },
      { role: 'user', content: task },
    ]),
    retrieval: given.retrieval === undefined ? null : { ...given.retrieval, query: task },
    ladder: given.ladder,
    validator: 'replay',
    validatorOptions: JSON.stringify({ task }),
    parameters: '{}',
    limits: { ...given.limits, attempts: Math.max(1, choices), costMicroUsd: null, answers: null, once: true },
    principal: given.principal,
    interactive: true,
    folder: given.root,
    bodyHash: given.bodyHash ?? null,
    tags: {
      task_hash: sha256(task),
      recorded_at: given.recordedAt,
      ...(request.dryRun === true ? { dry_run: 'true' } : {}),
    },
    redactions: 0,
    traceId: given.traceId,
  }
}

const systemPrompt =
  'Carry out the task. Where passages of earlier work are given, build on them and name those you use by their number in ' +
  'brackets; claim nothing they do not say. Answer with the result alone.'

/** `replay:<taskhash16>:<sha12>` */
export function replayId(task: string, begun: { readonly recordedAt: string; readonly nonce: string }): string {
  return recordedId(sha256(task), `${begun.recordedAt} ${begun.nonce}`)
}

/** What a replay is known by outside: its run's id, but for one with an idempotency key, whose run is named by that (R13). */
export function recordedRunId({ runId, spec }: Pick<RunState, 'runId' | 'spec'>): string {
  return runId.startsWith('replay:') ? runId : recordedId(spec.tags['task_hash'] ?? '', runId)
}

function recordedId(taskHash: string, unique: string): string {
  return `replay:${taskHash.slice(0, 16)}:${sha256(unique).slice(0, 12)}`
}
