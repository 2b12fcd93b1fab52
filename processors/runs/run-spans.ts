import type { Span, SpanStatus } from '#processors/ports/span-exporter.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { EventData } from '#schemas/event.ts'
import type { ObjectRef } from '#schemas/generated.ts'
import { evolve } from './evolve.ts'
import type { RunState } from './run.ts'
import {
  type AttemptTold,
  attemptAttributes,
  type Level,
  retrievalAttributes,
  runAttributes,
  verdictAttributes,
} from './span-attributes.ts'
import { spanIdOf } from './span-id.ts'
import { rootPart, traceContextOf } from './trace-context.ts'

/**
 * The spans of a run, from its accepted events: OpenTelemetry's GenAI conventions, with what OpenInference (Phoenix) and
 * Langfuse show.
 *
 * Promise: pure. One tree a run however many attempts: `run {kind}`, and below it `retrieval`, `chat {model}` an attempt
 * and `validate` a verdict. The same events give the same spans with the same ids, so what is sent twice is one. A span
 * ends at its event's time, as its writer stamped it, and lasted what that writer measured; a clock that differs from
 * another's moves a span and never makes one negative.
 */
export type RunEvent = {
  [Type in EventType]: {
    readonly type: Type
    readonly subject: string
    readonly data: EventData[Type]
    /** ISO 8601. */
    readonly time: string
    readonly traceparent?: string
  }
}[EventType]

/** None where the events do not begin with the run's submission, or its caller said that the trace is not recorded. */
export function runSpans(events: readonly RunEvent[]): readonly Span[] {
  const first = events[0]
  if (first?.type !== 'task.submitted') return []
  const { subject: runId, data: spec, traceparent } = first
  const { traceId, parentSpanId, flags } = traceContextOf({ runId, traceId: spec.traceId, traceparent })
  if ((Number.parseInt(flags, 16) & 1) === 0) return []
  const root = spanIdOf(runId, rootPart)
  const child = (spanId: string) => ({ traceId, spanId, parentSpanId: root })
  const children = [
    ...events.flatMap((event) => (event.type === 'retrieval.completed' ? [retrievalSpan(event, runId, child)] : [])),
    ...attemptsIn(events).map((told) => attemptSpan(told, { runId, spec, child })),
    ...events.flatMap((event) => (event.type === 'verdict.reached' ? [verdictSpan(event, runId, child)] : [])),
  ]
  const state = events.reduce<RunState | undefined>((run, event) => evolve(run, event), undefined)
  const last = msOf(events.at(-1) ?? first)
  const span: Span = {
    traceId,
    spanId: root,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: `run ${spec.kind}`,
    kind: 'internal',
    startMs: Math.min(msOf(first), ...children.map(({ startMs }) => startMs)),
    endMs: Math.max(last, ...children.map(({ endMs }) => endMs)),
    status: statusOf(levelOfRun(state), `${state?.outcome ?? 'open'}: ${state?.reason ?? 'no reason'}`),
    attributes: runAttributes({ runId, spec, state, level: levelOfRun(state), answer: answerIn(events, state) }),
  }
  return [span, ...children]
}

type Of<Type extends EventType> = Extract<RunEvent, { type: Type }>
type Child = (spanId: string) => Pick<Span, 'traceId' | 'spanId' | 'parentSpanId'>

function retrievalSpan(event: Of<'retrieval.completed'>, runId: string, child: Child): Span {
  return {
    ...child(spanIdOf(runId, 'retrieval')),
    name: 'retrieval',
    kind: 'internal',
    ...endedAt(event, event.data.durationMs),
    status: { is: 'ok' },
    attributes: retrievalAttributes(event.data),
  }
}

function attemptSpan(
  told: AttemptEvents,
  { runId, spec, child }: { runId: string; spec: RunState['spec']; child: Child },
): Span {
  const { started, result, endMs } = told
  const { attempt, model, spanId } = started.data
  const level = levelOfAttempt(told)
  const operation = spec.kind === 'embed' ? 'embeddings' : 'chat'
  const failed = result?.type === 'attempt.failed' ? `${result.data.code}: ${result.data.message}` : 'no end is known'
  // Of a call that died with its owner only its beginning was seen.
  const measured = result !== undefined && !(result.type === 'attempt.failed' && result.data.code === 'lost')
  return {
    ...child(spanId ?? spanIdOf(runId, attempt)),
    name: `${operation} ${model}`,
    kind: 'client',
    ...(measured
      ? endedAt(result, result.data.durationMs)
      : { startMs: Math.min(msOf(started), endMs), endMs: Math.max(msOf(started), endMs) }),
    status: statusOf(level, failed),
    attributes: attemptAttributes({ ...toldOf(told), operation, level }),
  }
}

function verdictSpan(event: Of<'verdict.reached'>, runId: string, child: Child): Span {
  const { attempt, durationMs, passed } = event.data
  return {
    ...child(spanIdOf(runId, `validate ${attempt}`)),
    name: 'validate',
    kind: 'internal',
    ...endedAt(event, durationMs),
    status: { is: passed ? 'ok' : 'unset' },
    attributes: verdictAttributes(event.data),
  }
}

interface AttemptEvents {
  readonly started: Of<'attempt.started'>
  result?: Of<'attempt.completed'> | Of<'attempt.failed'>
  verdict?: Of<'verdict.reached'>
  /** Answers that were judged before it. */
  readonly iteration: number
  /** Of its result, else of the run's last event. */
  endMs: number
}

/** In order; of results and verdicts the first counts, as it does for the run. */
function attemptsIn(events: readonly RunEvent[]): readonly AttemptEvents[] {
  const attempts = new Map<number, AttemptEvents>()
  const lastMs = Math.max(...events.map(msOf))
  let judged = 0
  for (const event of events) {
    if (event.type === 'attempt.started' && !attempts.has(event.data.attempt))
      attempts.set(event.data.attempt, { started: event, iteration: judged, endMs: lastMs })
    if (event.type === 'attempt.completed' || event.type === 'attempt.failed') {
      const own = attempts.get(event.data.attempt)
      if (own !== undefined && own.result === undefined) Object.assign(own, { result: event, endMs: msOf(event) })
    }
    if (event.type === 'verdict.reached') {
      judged += 1
      const own = attempts.get(event.data.attempt)
      if (own !== undefined) own.verdict ??= event
    }
  }
  return [...attempts.values()]
}

function toldOf({ started, result, verdict, iteration }: AttemptEvents): Omit<AttemptTold, 'operation' | 'level'> {
  return {
    started: started.data,
    iteration,
    ...(result?.type === 'attempt.completed' ? { completed: result.data } : {}),
    ...(result?.type === 'attempt.failed' ? { failed: result.data } : {}),
    ...(verdict === undefined ? {} : { verdict: verdict.data }),
  }
}

function levelOfAttempt({ result, verdict }: AttemptEvents): Level {
  if (result?.type !== 'attempt.completed') return 'ERROR'
  return verdict?.data.passed === false ? 'WARNING' : 'DEFAULT'
}

function levelOfRun(state: RunState | undefined): Level {
  if (state?.outcome === 'accepted') return 'DEFAULT'
  return state?.outcome === 'rejected' || state?.outcome === 'cancelled' ? 'WARNING' : 'ERROR'
}

/** A warning is no error to OpenTelemetry: its level says so, in an attribute. */
function statusOf(level: Level, message: string): SpanStatus {
  if (level === 'ERROR') return { is: 'error', message }
  return { is: level === 'WARNING' ? 'unset' : 'ok' }
}

/** What stands as the run's answer, else the last there was. */
function answerIn(events: readonly RunEvent[], state: RunState | undefined): string | ObjectRef | undefined {
  const answers = events.flatMap((event) => (event.type === 'attempt.completed' ? [event.data] : []))
  return (answers.find(({ attempt }) => attempt === state?.answer) ?? answers.at(-1))?.content
}

function endedAt(event: RunEvent, durationMs: number): { startMs: number; endMs: number } {
  const endMs = msOf(event)
  return { startMs: endMs - Math.max(0, durationMs), endMs }
}

function msOf({ time }: Pick<RunEvent, 'time'>): number {
  return Date.parse(time)
}
