import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { ModelAnswer, ModelFailure } from '#processors/ports/model-provider.ts'
import { followRun } from '#processors/runs/follow-run.query.ts'
import type { RunPlace } from '#processors/runs/follow-run.query.ts'
import type { EventData } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { ChatResult } from './chat.command.ts'

/**
 * How an interactive run ended, as the log has it: what a repeated request is answered with (R13).
 *
 * Promise: undefined while the run is open. The answer is the recorded one, secrets redacted.
 */
export async function recordedAnswer(
  ports: Parameters<typeof followRun>[0] & { readonly claimCheck: ClaimCheck },
  run: RunPlace,
): Promise<ChatResult | undefined> {
  const answers = new Map<number, EventData['attempt.completed']>()
  let failed: EventData['attempt.failed'] | undefined
  let end: { data: EventData['run.completed']; position: Position } | undefined
  for await (const { type, data, position } of followRun(ports, run, { follow: false, signal: never })) {
    if (type === 'attempt.completed') {
      const answer = data as EventData['attempt.completed']
      answers.set(answer.attempt, answer)
    }
    if (type === 'attempt.failed') failed = data as EventData['attempt.failed']
    if (type === 'run.completed') end = { data: data as EventData['run.completed'], position }
  }
  if (end === undefined) return undefined
  const of = { runId: run.runId, position: end.position }
  const answer = answers.get(end.data.attempt ?? -1)
  if (end.data.outcome === 'accepted' && answer !== undefined) {
    const { provider, model } = answer
    return { is: 'answered', ...of, provider, model, answer: await asAnswer(answer, ports.claimCheck), repeated: true }
  }
  const reason = end.data.reason ?? end.data.outcome
  if (failed === undefined) return { is: 'failed', ...of, reason }
  return { is: 'failed', ...of, reason, provider: failed.provider, failure: asFailure(failed) }
}

const never = new AbortController().signal

async function asAnswer(recorded: EventData['attempt.completed'], claimCheck: ClaimCheck): Promise<ModelAnswer> {
  const { content, raw, finishReason, promptTokens, completionTokens, requestId } = recorded
  return {
    ok: true,
    content: await claimCheck.open(content),
    raw: await claimCheck.open(raw),
    ...(finishReason === null ? {} : { finishReason }),
    ...(promptTokens === null ? {} : { promptTokens }),
    ...(completionTokens === null ? {} : { completionTokens }),
    ...(requestId === null ? {} : { requestId }),
  }
}

function asFailure({ code, message, httpStatus, retryAfterMs }: EventData['attempt.failed']): FailureOf {
  return {
    code: code as ModelFailure['code'],
    message,
    ...(httpStatus === null ? {} : { httpStatus }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  }
}

type FailureOf = NonNullable<Extract<ChatResult, { is: 'failed' }>['failure']>
