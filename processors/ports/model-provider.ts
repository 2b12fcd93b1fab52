/**
 * One call of one model: the messages go out, an answer or a typed failure comes back. No retry, no fallback, no
 * event: those belong to the run machine, so that one attempt budget covers all of them.
 *
 * Promise: a call settles within its deadline; an abort cancels the upstream request; the raw body is kept whole,
 * up to `answerLimitBytes`, also of a failure; no key is in what it returns.
 */
export interface ModelProvider {
  /** Registered name: groq, gemini, openai, lmstudio, ollama, lattice, … */
  readonly name: string
  /** Where it asks, for people and events; without credentials. */
  readonly url: string
  /** What `model` is when a choice names none. */
  readonly defaultModel: string
  complete(request: ModelRequest, options: CallOptions): Promise<ModelReply>
  /** Vectors for texts, where the server has them. The reply's `raw` is an OpenAI embeddings body. */
  embed?(request: EmbedRequest, options: CallOptions): Promise<ModelReply>
  /**
   * A recorded `raw` of its own, read again without asking anybody: the answer it was, each event handed on as it was then.
   */
  reread?(raw: string, options: RereadOptions): ModelReply
  /** Whether it answers, for people: its version, or why not. Asks nothing that costs. */
  health?(options: { signal: AbortSignal; timeoutMs: number }): Promise<ProviderHealth>
}

export interface CallOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly trace?: CallTrace
  /**
   * With it the answer is streamed: the data of each server-sent event of the OpenAI form, unaltered, in order, as it
   * comes, without the closing `[DONE]`. After the first one no other call can take this one's place.
   */
  readonly onEvent?: (data: string) => void
}

/** The trace a call belongs to, for the server that is asked. */
export interface CallTrace {
  /** W3C trace context of the call's own span: sent to whoever is asked, as it tells nothing but ids. */
  readonly traceparent: string
  /** What the caller called the trace, any text: sent to local servers alone (`X-Lakehouse-Trace-Id`). */
  readonly traceId: string | null
}

export interface RereadOptions {
  readonly onEvent: (data: string) => void
  /** The caller wants the usage-only event. */
  readonly wantsUsage: boolean
}

export interface EmbedRequest {
  readonly model: string
  /** OpenAI's `input`: a text, texts, or token ids. */
  readonly input: unknown
  readonly parameters: Readonly<Record<string, unknown>>
}

export interface ProviderHealth {
  readonly answers: boolean
  /** Its version or number of models, or what went wrong; no credentials. */
  readonly detail: string
}

export interface ModelRequest {
  readonly model: string
  /** OpenAI chat messages, passed through untouched. */
  readonly messages: readonly ChatMessage[]
  /** Sampling and other body fields, only those the caller or a documented default has set (`temperature`, `max_tokens`, …). */
  readonly parameters: Readonly<Record<string, unknown>>
  /** The passages retrieval packed, best first; only the built-in extractive model looks at them. */
  readonly passages?: readonly { readonly path: string; readonly text: string; readonly score: number }[]
}

export interface ChatMessage {
  readonly role: string
  readonly content: unknown
  readonly [field: string]: unknown
}

export type ModelReply = ModelAnswer | ModelFailure

export interface ModelAnswer {
  readonly ok: true
  /** Text of the first choice; '' when the model gave none (a tool call). */
  readonly content: string
  /** The response body as received; of a stream, all of it. */
  readonly raw: string
  /** The answer in OpenAI's form (a chat completion), where `raw` is none: of another API, or of a stream. */
  readonly completion?: string
  readonly finishReason?: string
  readonly promptTokens?: number
  readonly completionTokens?: number
  /** Of the prompt's, those that were read from the provider's cache, and those written to it. */
  readonly cachedTokens?: number
  readonly cacheWriteTokens?: number
  /** The cost, where the provider names it. */
  readonly toldMicroUsd?: number
  /** The provider's own request id, when it gave one. */
  readonly requestId?: string
}

export interface ModelFailure {
  readonly ok: false
  readonly code: ModelFailureCode
  /** One sentence naming the URL and the reason; no credentials. */
  readonly message: string
  readonly httpStatus?: number
  /** The body as received, whatever it was; '' when there was none. */
  readonly raw: string
  /** 429, 5xx, network: the same provider may answer later. */
  readonly retryable: boolean
  /** From `retry-after-ms` or `retry-after` (seconds or HTTP date). */
  readonly retryAfterMs?: number
  /** Text of the answer received before it failed, and usage if it was told: what may have been paid. */
  readonly partial?: string
  readonly promptTokens?: number
  readonly completionTokens?: number
  readonly cachedTokens?: number
  readonly cacheWriteTokens?: number
  readonly toldMicroUsd?: number
}

export type ModelFailureCode =
  | 'unreachable' // refused, DNS, reset before an answer
  | 'cut' // connection ended inside the answer
  | 'timeout'
  | 'cancelled'
  | 'rate-limited' // 429
  | 'overloaded' // 5xx
  | 'unauthorized' // 401, 403
  | 'rejected' // 400, 404, 422 and other 4xx
  | 'empty-body'
  | 'not-json' // HTML from a proxy, garbage
  | 'error-body' // a 200 with an error object
  | 'malformed' // JSON, but not a chat completion
  | 'too-large' // over answerLimitBytes
  | 'budget-spent' // no money left for the call; made by the run machine (R12)
  | 'budget-unpriced' // a budget counts the call, and nobody knows the most it may cost; made by the run machine (R12)
  | 'budget-unavailable' // nobody granted the money in time; made by the run machine (R12)
  | 'breaker-open' // not asked: it failed again and again a moment ago
  | 'lost' // in flight when its owner died (R8); made by the run machine, never by a provider

/** An answer larger than this ends as `too-large`, its first 1 MiB kept as raw. */
export const answerLimitBytes = 64 * 1024 * 1024
