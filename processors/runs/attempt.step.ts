import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import { type Charge, charge } from '#processors/budgets/charge.ts'
import type { Prices } from '#processors/budgets/prices.ts'
import { quote } from '#processors/budgets/quote.ts'
import { fitParameters } from '#processors/models/fit-parameters.ts'
import type {
  CallOptions,
  ChatMessage,
  ModelProvider,
  ModelReply,
  ModelRequest,
} from '#processors/ports/model-provider.ts'
import type { Report } from '#processors/ports/report.ts'
import { feedback } from './feedback.ts'
import { spanIdOf } from './span-id.ts'
import type { CallResult, PlannedCall } from './steps.ts'
import { promptOf } from './prompt.ts'
import type { RunState, Step } from './run.ts'
import { traceparentAt } from './trace-context.ts'

/**
 * Performs `attempt`: one call of one model, whose full prompt, raw response and error are kept.
 *
 * Promise: never rejects for what a provider does; a provider that is not configured is a failed attempt, so that the
 * chain goes on to the next one with the reason recorded.
 */
export interface AttemptPorts {
  readonly providers: (name: string) => ModelProvider | undefined
  /** Models that refuse a temperature, beside those known to. */
  readonly refusesTemperature?: readonly string[]
  readonly claimCheck: ClaimCheck
  readonly clock: Clock
  readonly report: Report
  /** Without them every call costs nothing. */
  readonly prices?: Prices
  /** Of a run carried out where it was asked: what came, sent unredacted and never stored so (R16). */
  readonly raw?: { readonly messages: readonly ChatMessage[]; readonly parameters: Readonly<Record<string, unknown>> }
  /** Takes the answer as it streams in. */
  readonly onEvent?: (data: string) => void
  /** Sees each reply as the provider gave it, before it is stored. */
  readonly onReply?: (reply: ModelReply, step: Extract<Step, { step: 'attempt' }>) => void
}

export async function planAttempt(
  run: RunState,
  step: Extract<Step, { step: 'attempt' }>,
  ports: AttemptPorts,
): Promise<PlannedCall> {
  const { provider: name, model } = step.choice
  const provider = ports.providers(name)
  const messages = await messagesOf(run, ports)
  const prompt = promptOf(run, messages)
  const given = ports.raw?.parameters ?? (JSON.parse(run.spec.parameters) as Record<string, unknown>)
  const parameters = fitParameters(model, given, ports.refusesTemperature)
  const request: ModelRequest = {
    model,
    messages: prompt,
    parameters,
    ...(run.retrieval === undefined ? {} : { passages: run.retrieval.passages }),
  }
  let delivered = false
  const { onEvent } = ports
  const stream =
    onEvent === undefined
      ? {}
      : {
          onEvent(data: string) {
            delivered = true
            onEvent(data)
          },
        }
  const trace = { traceparent: traceparentAt(run, step.attempt), traceId: run.spec.traceId }
  const who = { attempt: step.attempt, provider: name, model }
  const asked = { messages: JSON.stringify(prompt), parameters: JSON.stringify(parameters) }
  return {
    started: {
      ...who,
      tier: step.tier,
      url: provider?.url ?? '',
      ...asked,
      spanId: spanIdOf(run.runId, step.attempt),
      reservedMicroUsd: mostOf({ ...who, ...asked }, ports.prices),
    },
    async call(options) {
      const began = ports.clock.monotonic()
      const stopped = options.signal.aborted
      const reply =
        provider === undefined
          ? unconfigured(name)
          : await ask(provider, { kind: run.spec.kind, request }, { ...options, ...stream, trace })
      ports.onReply?.(reply, step)
      const durationMs = elapsedMs(ports.clock, began)
      ports.report({
        signal: 'attempt.finished',
        provider: name,
        model,
        outcome: reply.ok ? 'completed' : 'failed',
        ...(reply.ok ? {} : { code: reply.code }),
        durationMs,
      })
      // Of a call that was stopped before it was made, nothing can have been paid.
      const cost = await charge(reply, { ...who, messages: prompt }, stopped ? undefined : ports.prices)
      return asEvent(who, reply, { durationMs, delivered, cost })
    },
  }
}

/** What it may cost at most; 0 where that is not known, or nothing. */
function mostOf(call: Parameters<typeof quote>[0], prices: Prices | undefined): number {
  const quoted = prices === undefined ? undefined : quote(call, prices.of(call.provider, call.model))
  return quoted?.is === 'priced' ? quoted.microUsd : 0
}

/** A run of kind `embed` asks for vectors: its one message is the input. */
function ask(
  provider: ModelProvider,
  { kind, request }: { kind: string; request: ModelRequest },
  options: CallOptions,
): Promise<ModelReply> {
  if (kind !== 'embed') return provider.complete(request, options)
  const { model, messages, parameters } = request
  if (provider.embed !== undefined) return provider.embed({ model, input: messages[0]?.content, parameters }, options)
  return Promise.resolve(rejected(`provider ${provider.name} has no embeddings`))
}

async function messagesOf(run: RunState, { raw, claimCheck }: AttemptPorts): Promise<ChatMessage[]> {
  const messages = raw?.messages ?? (JSON.parse(await claimCheck.open(run.spec.messages)) as ChatMessage[])
  return [...messages, ...(await feedback(run, claimCheck))]
}

function asEvent(
  who: { attempt: number; provider: string; model: string },
  reply: ModelReply,
  { durationMs, delivered, cost }: { durationMs: number; delivered: boolean; cost: Charge },
): CallResult {
  if (!reply.ok) {
    const { code, message, raw, retryable } = reply
    const rest = { httpStatus: reply.httpStatus ?? null, retryAfterMs: reply.retryAfterMs ?? null }
    return {
      type: 'attempt.failed',
      data: { ...who, code, message, raw, retryable, ...rest, ...cost, delivered, durationMs },
    }
  }
  return {
    type: 'attempt.completed',
    data: {
      ...who,
      content: reply.content,
      raw: reply.raw,
      finishReason: reply.finishReason ?? null,
      ...cost,
      requestId: reply.requestId ?? null,
      durationMs,
    },
  }
}

function unconfigured(name: string): ModelReply {
  return rejected(`provider ${name} is not configured in this process`)
}

function rejected(message: string): ModelReply {
  return { ok: false, code: 'rejected', message, raw: '', retryable: false }
}
