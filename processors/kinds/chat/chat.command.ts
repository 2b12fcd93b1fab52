import { beginInteractive } from '#processors/kinds/begin-interactive.ts'
import type { InteractivePorts } from '#processors/kinds/begin-interactive.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { ModelAnswer, ModelFailure, ModelProvider, ModelReply } from '#processors/ports/model-provider.ts'
import type { AttemptPorts } from '#processors/runs/attempt.step.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { CarryOutPorts } from '#processors/runs/carry-out.ts'
import type { RunSpec, RunState } from '#processors/runs/run.ts'
import type { Position } from '#schemas/position.ts'
import { chatSpec } from './chat.spec.ts'
import type { ChatRequest, InteractiveGiven } from './chat.spec.ts'
import { tellAgain } from './tell-again.ts'

/**
 * Answers a chat here and now: one run, carried out by who was asked.
 *
 * Promise: the model is sent what came, unredacted, and the log keeps the redacted form (R16). The answer is on the log
 * before it leaves, but for what is streamed, which is provisional until the stream ends well. A caller who goes cancels
 * the call, and what was received is recorded. With an idempotency key the same request again gets the recorded answer,
 * or `run.open` while the first is under way (R13).
 */
export interface ChatPorts extends InteractivePorts {
  readonly carryOutPorts: (interactive: Interactive) => CarryOutPorts
  /** The models a name means, weaker to stronger. Errors: `provider.unconfigured`, `request.invalid`. */
  readonly ladder: (wanted: { model?: string | undefined; provider?: string | undefined }) => Promise<RunSpec['ladder']>
  readonly limits: RunSpec['limits']
  /** Who answered an earlier request. */
  readonly providers: (name: string) => ModelProvider | undefined
  /** The recorded answer of a run that has ended; undefined while it is open. */
  readonly recorded: (runId: string, position: Position) => Promise<ChatResult | undefined>
}

/** What the attempts of a run carried out where it was asked are given beside its state. */
export type Interactive = Pick<AttemptPorts, 'raw' | 'onEvent' | 'onReply'>

export interface ChatOptions extends Omit<InteractiveGiven, 'ladder' | 'limits' | 'bodyHash'> {
  readonly route: string
  readonly idempotencyKey?: string | undefined
  readonly traceparent?: string | undefined
  /** Aborted when the caller has gone. */
  readonly gone: AbortSignal
  readonly onEvent?: ((data: string) => void) | undefined
  /** Told before anything is called or handed on; `repeated` when it is an earlier request's answer. */
  readonly onRun?: (runId: string, repeated: boolean) => void
}

export type ChatResult =
  | {
      readonly is: 'answered'
      readonly runId: string
      readonly position: Position
      readonly provider: string
      readonly model: string
      readonly answer: ModelAnswer
      /** Recorded for an earlier request with the same key. */
      readonly repeated?: boolean
    }
  | {
      readonly is: 'failed'
      readonly runId: string
      readonly position: Position
      /** Of the run: providers, attempts, deadline, budget-spent, … */
      readonly reason: string
      readonly provider?: string
      /** Of the last call. */
      readonly failure?: Pick<ModelFailure, 'code' | 'message' | 'httpStatus' | 'retryAfterMs'>
    }

export async function chat(ports: ChatPorts, request: ChatRequest, options: ChatOptions): Promise<ChatResult> {
  // Not before it is known that nobody asked the same: who answered then may be gone.
  const spec = async (bodyHash?: string): Promise<RunSpec> =>
    chatSpec(request, { ...options, ladder: await ports.ladder(request), limits: ports.limits, bodyHash })
  const begun = await beginInteractive(ports, { ...options, body: request, spec })
  if (begun.is === 'repeated') {
    const recorded = await ports.recorded(begun.submitted.runId, begun.submitted.position)
    if (recorded !== undefined) {
      options.onRun?.(recorded.runId, recorded.is === 'answered')
      return recorded.is === 'answered' && request.kind !== 'embed'
        ? again(ports, recorded, request, options)
        : recorded
    }
    throw new Failure('run.open', 'the request with this Idempotency-Key is still being answered', {
      remedy: 'ask again in a moment',
    })
  }

  const { known } = begun
  options.onRun?.(known.state.runId, false)
  let last: ModelReply | undefined
  const carried = await carryOut(
    { ...known, gone: options.gone },
    ports.carryOutPorts({
      raw: request,
      onReply: (reply) => (last = reply),
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    }),
    never,
  )
  if (carried.is !== 'done') throw new Failure('run.open', 'another process answers that run')
  return resultOf(carried.state, carried.position, last)
}

function again(
  { providers }: ChatPorts,
  recorded: Extract<ChatResult, { is: 'answered' }>,
  { parameters }: ChatRequest,
  { onEvent }: ChatOptions,
): ChatResult {
  const streaming = parameters['stream_options'] as { include_usage?: unknown } | null | undefined
  const wantsUsage = streaming?.include_usage === true
  const answer = tellAgain(recorded, { provider: providers(recorded.provider), onEvent, wantsUsage })
  return { ...recorded, answer }
}

/** Ends with its caller (`gone`), never by being put aside: nobody could resume it. */
const never = new AbortController().signal

function resultOf(state: RunState, position: Position, reply: ModelReply | undefined): ChatResult {
  const { runId, outcome, reason = outcome ?? 'failed' } = state
  const attempt = state.attempts.at(-1)
  const of = { runId, position }
  if (outcome === 'accepted' && attempt !== undefined && reply?.ok === true) {
    return { is: 'answered', ...of, provider: attempt.provider, model: attempt.model, answer: reply }
  }
  if (attempt?.result?.is !== 'failed') return { is: 'failed', ...of, reason }
  const { code, message, retryAfterMs } = attempt.result
  const failure = {
    code: code as ModelFailure['code'],
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(reply?.ok === false && reply.httpStatus !== undefined ? { httpStatus: reply.httpStatus } : {}),
  }
  return { is: 'failed', ...of, reason, provider: attempt.provider, failure }
}
