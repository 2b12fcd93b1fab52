import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import { fitParameters } from '#processors/models/fit-parameters.ts'
import type { ChatMessage, ModelProvider, ModelReply, ModelRequest } from '#processors/ports/model-provider.ts'
import type { Report } from '#processors/ports/report.ts'
import type { CallResult, PlannedCall } from './steps.ts'
import { unpaid } from './missing-results.ts'
import { promptOf } from './prompt.ts'
import type { RunState, Step } from './run.ts'

/**
 * Performs `attempt`: one call of one model, whose full prompt, raw response and error are kept.
 *
 * Promise: never rejects for what a provider does; a provider that is not configured is a failed attempt, so that the
 * chain goes on to the next one with the reason recorded.
 */
export interface AttemptPorts {
  readonly providers: (name: string) => ModelProvider | undefined
  readonly claimCheck: ClaimCheck
  readonly clock: Clock
  readonly report: Report
}

export async function planAttempt(
  run: RunState,
  step: Extract<Step, { step: 'attempt' }>,
  ports: AttemptPorts,
): Promise<PlannedCall> {
  const { provider: name, model } = step.choice
  const provider = ports.providers(name)
  const messages = await openMessages(run, ports.claimCheck)
  const prompt = promptOf(run, messages)
  const parameters = fitParameters(model, JSON.parse(run.spec.parameters) as Record<string, unknown>)
  const request: ModelRequest = {
    model,
    messages: prompt,
    parameters,
    ...(run.retrieval === undefined ? {} : { passages: run.retrieval.passages }),
  }
  const who = { attempt: step.attempt, provider: name, model }
  return {
    started: {
      ...who,
      tier: step.tier,
      url: provider?.url ?? '',
      messages: JSON.stringify(prompt),
      parameters: JSON.stringify(parameters),
      spanId: null,
      reservedMicroUsd: 0,
    },
    async call(options) {
      const began = ports.clock.monotonic()
      const reply = provider === undefined ? unconfigured(name) : await provider.complete(request, options)
      const durationMs = elapsedMs(ports.clock, began)
      ports.report({
        signal: 'attempt.finished',
        provider: name,
        model,
        outcome: reply.ok ? 'completed' : 'failed',
        ...(reply.ok ? {} : { code: reply.code }),
        durationMs,
      })
      return asEvent(who, reply, durationMs)
    },
  }
}

async function openMessages(run: RunState, claimCheck: ClaimCheck): Promise<ChatMessage[]> {
  const messages = JSON.parse(await claimCheck.open(run.spec.messages)) as ChatMessage[]
  return [...messages, ...(await feedback(run, claimCheck))]
}

/** The last answer and what was wrong with it, so that the model can mend it. */
async function feedback(run: RunState, claimCheck: ClaimCheck): Promise<ChatMessage[]> {
  const refused = run.attempts.findLast((one) => one.verdict !== undefined)
  if (refused?.verdict?.passed !== false || refused.result?.is !== 'completed') return []
  const findings = refused.verdict.findings.map(({ kind, message }) => `- ${kind}: ${message}`).join('\n')
  return [
    { role: 'assistant', content: await claimCheck.open(refused.result.content) },
    { role: 'user', content: `That answer was not accepted:\n${findings}\nGive a corrected answer, and nothing else.` },
  ]
}

function asEvent(
  who: { attempt: number; provider: string; model: string },
  reply: ModelReply,
  durationMs: number,
): CallResult {
  if (!reply.ok) {
    const { code, message, raw, retryable } = reply
    const rest = { httpStatus: reply.httpStatus ?? null, retryAfterMs: reply.retryAfterMs ?? null }
    return { type: 'attempt.failed', data: { ...who, code, message, raw, retryable, ...rest, ...unpaid, durationMs } }
  }
  return {
    type: 'attempt.completed',
    data: {
      ...who,
      content: reply.content,
      raw: reply.raw,
      finishReason: reply.finishReason ?? null,
      promptTokens: reply.promptTokens ?? null,
      completionTokens: reply.completionTokens ?? null,
      usageEstimated: false,
      costMicroUsd: 0,
      requestId: reply.requestId ?? null,
      durationMs,
    },
  }
}

function unconfigured(name: string): ModelReply {
  return {
    ok: false,
    code: 'rejected',
    message: `provider ${name} is not configured in this process`,
    raw: '',
    retryable: false,
  }
}
