import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import { packPassages } from '#processors/search/pack-passages.ts'
import type { SearchHit } from '#processors/search/search.query.ts'
import type { EventData } from '#schemas/event.ts'
import type { RunState } from './run.ts'

/**
 * Performs `retrieve`: searches the run's own corpora and packs the passages.
 *
 * Promise: what was searched, at which position of the search store, all hits and the packed passages are in the event.
 */
export type Search = (query: {
  readonly query: string
  readonly corpora: readonly string[]
  readonly k: number
  readonly threshold: number
}) => Promise<{ readonly hits: readonly SearchHit[]; readonly documents: number; readonly position: string }>

export async function retrieve(
  run: RunState,
  ports: { search: Search; claimCheck: ClaimCheck; clock: Clock },
): Promise<EventData['retrieval.completed']> {
  const spec = run.spec.retrieval
  if (spec === null) throw new Error(`run ${run.runId} asks for no retrieval`)
  const began = ports.clock.monotonic()
  const query = await ports.claimCheck.open(spec.query)
  const { hits, documents, position } = await ports.search({
    query,
    corpora: spec.corpora,
    k: spec.k,
    threshold: spec.threshold,
  })
  const durationMs = elapsedMs(ports.clock, began)
  return { query: spec.query, corpora: spec.corpora, documents, ...packPassages(hits), position, durationMs }
}
