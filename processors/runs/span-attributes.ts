import type { SpanAttributes } from '#processors/ports/span-exporter.ts'
import type { EventData } from '#schemas/event.ts'
import type { ObjectRef } from '#schemas/generated.ts'
import { cutText } from './cut-text.ts'
import type { RunState } from './run.ts'

/**
 * What a span of a run says of it, in the words of three conventions: OpenTelemetry's `gen_ai.*`, OpenInference's
 * (`openinference.span.kind`, `input.value`, `llm.*`, read by Phoenix) and Langfuse's (`langfuse.*`).
 *
 * Promise: pure, and bounded: a text is cut where it is long, with a mark, and the event keeps all of it.
 * Sources: OpenTelemetry semantic conventions for generative AI spans 1.38; OpenInference semantic conventions;
 * Langfuse's OpenTelemetry property mapping.
 */
export type Level = 'DEFAULT' | 'WARNING' | 'ERROR'

export interface AttemptTold {
  readonly operation: 'chat' | 'embeddings'
  readonly level: Level
  /** From 0: answers that were judged before it. A retry after a failure is of the same iteration. */
  readonly iteration: number
  readonly started: EventData['attempt.started']
  readonly completed?: EventData['attempt.completed']
  readonly failed?: EventData['attempt.failed']
  readonly verdict?: EventData['verdict.reached']
}

export function attemptAttributes(told: AttemptTold): SpanAttributes {
  const { operation, level, iteration, started, completed, failed, verdict } = told
  const { attempt, provider, model } = started
  const usage = completed ?? failed
  const parameters = objectIn(started.parameters)
  const error = failed === undefined ? null : { code: failed.code, message: cutText(failed.message) }
  const judged = verdict === undefined ? null : { passed: verdict.passed, findings: findingsOf(verdict) }
  const raw = completed?.raw ?? failed?.raw
  return given({
    'openinference.span.kind': operation === 'chat' ? 'LLM' : 'EMBEDDING',
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': conventional[provider] ?? provider,
    'gen_ai.system': conventional[provider] ?? provider,
    'gen_ai.request.model': model,
    'gen_ai.request.temperature': numberIn(parameters['temperature']),
    'gen_ai.request.top_p': numberIn(parameters['top_p']),
    'gen_ai.request.max_tokens': numberIn(parameters['max_tokens'] ?? parameters['max_completion_tokens']),
    'gen_ai.request.seed': numberIn(parameters['seed']),
    'gen_ai.usage.input_tokens': usage?.promptTokens,
    'gen_ai.usage.output_tokens': usage?.completionTokens,
    'gen_ai.response.finish_reasons':
      typeof completed?.finishReason === 'string' ? [completed.finishReason] : undefined,
    'llm.model_name': model,
    'llm.provider': provider,
    'llm.invocation_parameters': cutText(started.parameters),
    'llm.token_count.prompt': usage?.promptTokens,
    'llm.token_count.completion': usage?.completionTokens,
    'llm.token_count.total': sumOf(usage?.promptTokens, usage?.completionTokens),
    'llm.cost.total': usage === undefined || usage.costMicroUsd === 0 ? undefined : usage.costMicroUsd / 1_000_000,
    ...valueOf('input', { iteration, model, provider, prompt: jsonOrText(started.messages) }),
    ...valueOf('output', { verdict: judged, raw: raw === undefined ? null : jsonOrText(raw), error }),
    ...levelOf(level, failed?.message ?? (verdict?.passed === false ? findingsOf(verdict).join('; ') : undefined)),
    'error.type': failed?.code ?? (completed === undefined ? 'unknown' : undefined),
    'http.response.status_code': failed?.httpStatus,
    'url.full': started.url === '' ? undefined : started.url,
    'lattice.attempt': attempt,
    'lattice.tier': started.tier,
    'lattice.usage_estimated': usage?.usageEstimated,
    'lattice.cost_micro_usd': usage?.costMicroUsd,
    'lattice.request_id': completed?.requestId,
  })
}

/** Hits and passages shown at most. */
const mostDocuments = 20
const mostOfDocument = 2_048

export function retrievalAttributes(told: EventData['retrieval.completed']): SpanAttributes {
  const texts = new Map(told.passages.map(({ chunk, text }) => [chunk, text]))
  const documents = told.hits.slice(0, mostDocuments).flatMap(({ chunk, document, path, rank, score, used }, index) => {
    const at = `retrieval.documents.${index}.document`
    const metadata = JSON.stringify({ document, path, rank, used })
    return Object.entries({
      [`${at}.id`]: chunk,
      [`${at}.score`]: score,
      [`${at}.content`]: cutText(texts.get(chunk) ?? '', mostOfDocument),
      [`${at}.metadata`]: metadata,
    })
  })
  return given({
    'openinference.span.kind': 'RETRIEVER',
    'gen_ai.operation.name': 'retrieval',
    'input.value': textOf(told.query),
    'input.mime_type': 'text/plain',
    ...valueOf('output', {
      documents: told.documents,
      hits: told.hits.slice(0, mostDocuments).map(({ path, score, used }) => ({ path, score, used })),
    }),
    'lattice.corpora': told.corpora,
    'lattice.hits': told.hits.length,
    ...Object.fromEntries(documents),
  })
}

export function verdictAttributes(verdict: EventData['verdict.reached']): SpanAttributes {
  const { attempt, validator, passed } = verdict
  const findings = findingsOf(verdict)
  return given({
    'openinference.span.kind': 'GUARDRAIL',
    'gen_ai.evaluation.name': validator,
    'gen_ai.evaluation.score.label': passed ? 'pass' : 'fail',
    ...valueOf('input', { validator, attempt }),
    ...valueOf('output', { passed, findings }),
    ...levelOf(passed ? 'DEFAULT' : 'WARNING', passed ? undefined : findings.join('; ')),
    'lattice.attempt': attempt,
  })
}

export function runAttributes(run: {
  readonly runId: string
  readonly spec: RunState['spec']
  readonly state: RunState | undefined
  readonly level: Level
  readonly answer: string | ObjectRef | undefined
}): SpanAttributes {
  const { runId, spec, state, level, answer } = run
  const { outcome, reason } = state ?? {}
  return given({
    'openinference.span.kind': 'CHAIN',
    'input.value': textOf(spec.messages),
    'input.mime_type': 'application/json',
    'output.value': answer === undefined ? undefined : textOf(answer),
    'output.mime_type': answer === undefined ? undefined : 'text/plain',
    'session.id': spec.traceId,
    'user.id': spec.principal,
    metadata: cutText(JSON.stringify({ run: runId, kind: spec.kind, ...spec.tags })),
    ...levelOf(level, level === 'DEFAULT' ? undefined : (reason ?? outcome)),
    'lattice.run_id': runId,
    'lattice.kind': spec.kind,
    'lattice.outcome': outcome,
    'lattice.reason': reason,
    'lattice.attempts': state?.attempts.length,
    'lattice.resumes': state?.resumes,
    'lattice.cost_micro_usd': state?.costMicroUsd,
    'lattice.validator': spec.validator,
  })
}

/** Names of `gen_ai.provider.name` that the conventions fix. */
const conventional: Readonly<Record<string, string>> = { gemini: 'gcp.gemini', mistral: 'mistral_ai' }

function levelOf(level: Level, message: string | undefined): Record<string, string | undefined> {
  const shown = message === undefined ? undefined : cutText(message)
  return { level, 'langfuse.observation.level': level, 'langfuse.observation.status_message': shown }
}

/** A value as JSON; what is long in it was cut before, so it stays JSON. */
function valueOf(side: 'input' | 'output', value: unknown): Record<string, string> {
  return { [`${side}.value`]: JSON.stringify(value), [`${side}.mime_type`]: 'application/json' }
}

function findingsOf({ findings }: EventData['verdict.reached']): string[] {
  return findings.slice(0, mostDocuments).map(({ kind, message }) => cutText(`${kind}: ${message}`, mostOfDocument))
}

function textOf(text: string | ObjectRef): string {
  return typeof text === 'string' ? cutText(text) : `[object ${text.sha256}, ${text.sizeBytes} bytes]`
}

/** As itself where it is short JSON, else as a text that is cut. */
function jsonOrText(text: string | ObjectRef): unknown {
  const shown = textOf(text)
  if (shown !== text) return shown
  try {
    return JSON.parse(shown) as unknown
  } catch {
    return shown
  }
}

function objectIn(json: string): Record<string, unknown> {
  const parsed = jsonOrText(json)
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function sumOf(a: number | null | undefined, b: number | null | undefined): number | undefined {
  return typeof a === 'number' && typeof b === 'number' ? a + b : undefined
}

type Attribute = SpanAttributes[string]

function given(all: Readonly<Record<string, Attribute | null | undefined>>): SpanAttributes {
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, Attribute] => entry[1] !== null && entry[1] !== undefined),
  )
}
