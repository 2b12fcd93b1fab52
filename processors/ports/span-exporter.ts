/**
 * Spans handed to a tracing backend, after OpenTelemetry's data model.
 *
 * Promise: `export` settles within a bound of its own and never rejects; what it says of a batch holds for all of it. A
 * span has the same ids whenever it is made, so that a batch may be sent again.
 */
export interface SpanExporter {
  /** Where spans go, without credentials. */
  readonly url: string
  export(spans: readonly Span[]): Promise<SpanReceipt>
  close(): Promise<void>
}

export type SpanReceipt =
  /** `warning`: it was taken, but not all of it, or with a remark. */
  | { readonly is: 'taken'; readonly warning?: string }
  /** It will never take this batch. */
  | { readonly is: 'refused'; readonly reason: string }
  /** It may take it later: it is down, busy, or refuses who asks. */
  | { readonly is: 'later'; readonly reason: string; readonly afterMs?: number }

export interface Span {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  /** `client`: a call of somebody else's server. */
  readonly kind: 'internal' | 'client'
  /** Milliseconds since 1970. */
  readonly startMs: number
  readonly endMs: number
  readonly status: SpanStatus
  readonly attributes: SpanAttributes
}

export type SpanStatus = { readonly is: 'unset' | 'ok' } | { readonly is: 'error'; readonly message: string }

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>
