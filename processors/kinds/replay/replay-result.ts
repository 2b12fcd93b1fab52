import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { ChatMessage } from '#processors/ports/model-provider.ts'
import type { AttemptState, RunState } from '#processors/runs/run.ts'
import { recordedRunId } from './replay.spec.ts'

/**
 * What a replay came to, told from its run.
 *
 * Promise: of what is on the log alone, so the answer, its row and the answer to a repeated request are the same, and
 * secrets are redacted in it.
 * A call that failed and an answer that did not pass are results. Lists are never null.
 */
export interface ReplayResult {
  readonly input_task: string
  readonly task_hash: string
  readonly retrieved_artifacts: { readonly rag_ids: readonly string[] }
  readonly context_bundle: ContextBundle | null
  readonly model_response: string
  readonly model_used: string
  readonly escalation_path: readonly string[]
  readonly validation_result: { readonly passed: boolean; readonly reasons: readonly string[] }
  readonly recorded_run_id: string
  readonly recorded_at: string
  readonly duration_ms: number
}

export interface ContextBundle {
  readonly query: string
  readonly retrieved_playbooks: readonly {
    readonly rag_id: string
    readonly title: string
    readonly score: number
    readonly content: string
  }[]
}

type Validation = ReplayResult['validation_result']

export async function replayResult(run: RunState, claimCheck: Pick<ClaimCheck, 'open'>): Promise<ReplayResult> {
  const { ladder, tags } = run.spec
  const [localModel = '', escalationModel = ''] = ladder.map(({ name }) => name)
  const bundle = await bundleOf(run, claimCheck)
  const [local, stronger] = [0, 1].map((tier) => run.attempts.findLast((one) => one.tier === tier))
  const stands = stronger?.result?.is === 'completed' ? stronger : local
  return {
    input_task: await taskOf(run, claimCheck),
    task_hash: tags['task_hash'] ?? '',
    retrieved_artifacts: { rag_ids: bundle?.retrieved_playbooks.map((one) => one.rag_id) ?? [] },
    context_bundle: bundle,
    model_response: stands?.result?.is === 'completed' ? await claimCheck.open(stands.result.content) : '',
    model_used: stands !== undefined && stands === stronger ? escalationModel : localModel,
    escalation_path: stronger === undefined ? [localModel] : [localModel, escalationModel],
    validation_result: validationOf(run, { local, stronger }, escalationModel),
    recorded_run_id: recordedRunId(run),
    recorded_at: tags['recorded_at'] ?? '',
    duration_ms: Math.round(run.durationMs ?? 0),
  }
}

async function taskOf(run: RunState, claimCheck: Pick<ClaimCheck, 'open'>): Promise<string> {
  const messages = JSON.parse(await claimCheck.open(run.spec.messages)) as ChatMessage[]
  const content = messages.findLast(({ role }) => role === 'user')?.content
  return typeof content === 'string' ? content : ''
}

async function bundleOf({ retrieval }: RunState, claimCheck: Pick<ClaimCheck, 'open'>): Promise<ContextBundle | null> {
  if (retrieval === undefined) return null
  return {
    query: await claimCheck.open(retrieval.query),
    retrieved_playbooks: retrieval.passages.map(({ chunk, path, score, text }) => ({
      rag_id: chunk,
      title: path,
      score,
      content: text,
    })),
  }
}

function validationOf(
  run: RunState,
  { local, stronger }: { local: AttemptState | undefined; stronger: AttemptState | undefined },
  escalationModel: string,
): Validation {
  const first = ofAttempt(run, local, 'local call failed')
  if (stronger === undefined) return first
  const { result } = stronger
  if (result?.is !== 'completed') {
    const reason = `escalation also failed: ${result?.message ?? run.reason ?? 'it has no result'}`
    return { passed: false, reasons: [...first.reasons, reason] }
  }
  const second = ofAttempt(run, stronger, 'escalation also failed')
  if (!second.passed) return second
  return { passed: true, reasons: [`recovered via escalation to ${escalationModel}`, ...second.reasons] }
}

function ofAttempt(run: RunState, attempt: AttemptState | undefined, failed: string): Validation {
  const ended = `the run ended ${run.outcome ?? 'open'}${run.reason === undefined ? '' : `: ${run.reason}`}`
  if (attempt?.result?.is !== 'completed') {
    return { passed: false, reasons: [`${failed}: ${attempt?.result?.message ?? ended}`] }
  }
  const { verdict } = attempt
  if (verdict === undefined) return { passed: false, reasons: [`not validated: ${ended}`] }
  // Passed, and yet cancelled before that counted.
  if (verdict.passed && run.answer !== attempt.attempt) return { passed: false, reasons: [ended] }
  return { passed: verdict.passed, reasons: verdict.findings.map(({ message }) => message) }
}
