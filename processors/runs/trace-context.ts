import { sha256 } from '#schemas/ids.ts'
import type { RunState } from './run.ts'
import { spanIdOf } from './span-id.ts'

/**
 * The OpenTelemetry trace a run belongs to, and the `traceparent` of each hop of it.
 *
 * Promise: made from what is on the log alone, so the owner that calls a model, one that takes the run over, and who
 * exports it afterwards mean the same spans. Where the caller gave `traceparent`, its trace and its parent span win: it
 * is the one both sides' tools can follow. Else the trace id is made of the caller's own (`X-Lakehouse-Trace-Id`): 32 hex
 * digits as they are, in lower case, any other text by the first 16 bytes of its SHA-256. Without either it is the run's.
 * Source: W3C Trace Context, 2.2.
 */
export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string
  /** The caller's span, which the run is a child of. */
  readonly parentSpanId?: string
  /** Two hex digits; the last bit says whether the caller records the trace. */
  readonly flags: string
}

export interface Traced {
  readonly runId: string
  /** As the caller gave it. */
  readonly traceId: string | null
  readonly traceparent?: string | undefined
}

const traceparentForm = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/
const sampled = '01'

export function traceContextOf({ runId, traceId, traceparent }: Traced): TraceContext {
  const [, given, parentSpanId, flags = sampled] = traceparentForm.exec(traceparent ?? '') ?? []
  if (given !== undefined && parentSpanId !== undefined) return { traceId: given, parentSpanId, flags }
  return { traceId: hexOf(traceId ?? runId.replaceAll('-', '')), flags: sampled }
}

/** The `traceparent` of what a run does: an attempt's of its own span, the rest of the run's. */
export function traceparentAt(
  { runId, spec, traceparent }: Pick<RunState, 'runId' | 'spec' | 'traceparent'>,
  attempt?: number,
): string {
  const { traceId, flags } = traceContextOf({ runId, traceId: spec.traceId, traceparent })
  return `00-${traceId}-${spanIdOf(runId, attempt ?? rootPart)}-${flags}`
}

/** Of the span of a whole run. */
export const rootPart = 'run'

/** The number of the attempt an event of a run is about, where it is an attempt's own. */
export function attemptIn(event: { readonly type: string; readonly data: unknown }): number | undefined {
  return event.type.startsWith('attempt.') ? (event.data as { attempt: number }).attempt : undefined
}

function hexOf(given: string): string {
  const lower = given.toLowerCase()
  if (/^(?!0{32})[0-9a-f]{32}$/.test(lower)) return lower
  return sha256(given).slice(0, 32)
}
