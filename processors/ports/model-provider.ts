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
  complete(request: ModelRequest, options: { signal: AbortSignal; timeoutMs: number }): Promise<ModelReply>
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
  /** The response body as received. */
  readonly raw: string
  readonly finishReason?: string
  readonly promptTokens?: number
  readonly completionTokens?: number
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
  | 'lost' // in flight when its owner died (R8); made by the run machine, never by a provider

/** An answer larger than this ends as `too-large`, its first 1 MiB kept as raw. */
export const answerLimitBytes = 64 * 1024 * 1024
