import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { ObjectRef } from '#schemas/generated.ts'

/**
 * The lines of a run's `run.jsonl`: one or more rows an event, each with `ts`, `event` and `seq`.
 *
 * Promise: everything of the run is in them: prompts, raw responses, retries, errors, searches and hits, verdicts.
 */
export type Row = { readonly ts: string; readonly event: string; readonly [field: string]: unknown }

export async function runRows(
  event: AnyStoredEvent,
  open: (text: string | ObjectRef) => Promise<string>,
): Promise<Row[]> {
  const ts = event.envelope.time
  const seq = event.envelope.chain?.seq
  const row = (name: string, fields: Record<string, unknown>): Row => ({ ts, event: name, seq, ...fields })
  switch (event.type) {
    case 'task.submitted': {
      const { kind, principal, folder, limits, validator } = event.data
      const messages: unknown = JSON.parse(await open(event.data.messages))
      return [row('submitted', { kind, principal, folder, limits, validator, messages })]
    }
    case 'retrieval.completed': {
      const { corpora, documents, hits, passages, durationMs } = event.data
      const query = await open(event.data.query)
      return [
        row('rag_ingest', { corpora, documents }),
        row('rag_queries', { query, corpora, durationMs }),
        row('rag_hits', { hits, passages }),
      ]
    }
    case 'attempt.started': {
      const { messages, parameters, ...fields } = event.data
      const prompt: unknown = JSON.parse(await open(messages))
      return [row('attempt_started', { ...fields, parameters: JSON.parse(parameters) as unknown, messages: prompt })]
    }
    case 'attempt.completed': {
      const content = await open(event.data.content)
      const raw = await open(event.data.raw)
      return [row('attempt_completed', { ...event.data, content, raw })]
    }
    case 'attempt.failed':
      return [row('attempt_failed', { ...event.data, raw: await open(event.data.raw) })]
    case 'run.waited':
      return [row('retry_wait', { ...event.data })]
    default:
      return [row(event.type.replace('.', '_'), { ...event.data })]
  }
}
