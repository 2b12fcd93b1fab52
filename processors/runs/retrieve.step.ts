import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import type { Roster } from '#processors/ports/roster.ts'
import { packPassages } from '#processors/search/pack-passages.ts'
import type { SearchHit } from '#processors/search/search.query.ts'
import type { EventData } from '#schemas/event.ts'
import { retrieveRoster, rosterCorpus } from './retrieve-roster.ts'
import type { RunState } from './run.ts'

/**
 * Performs `retrieve`: searches the run's own corpora and packs the passages. The corpus `roster` is the table of workers.
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
  ports: { search: Search; claimCheck: ClaimCheck; clock: Clock; roster?: Roster | undefined },
): Promise<EventData['retrieval.completed']> {
  const spec = run.spec.retrieval
  if (spec === null) throw new Error(`run ${run.runId} asks for no retrieval`)
  const began = ports.clock.monotonic()
  const query = await ports.claimCheck.open(spec.query)
  if (spec.corpora.includes(rosterCorpus)) {
    const context = JSON.parse(query) as Record<string, unknown>
    const found = await retrieveRoster(ports.roster, { context, k: spec.k })
    const durationMs = elapsedMs(ports.clock, began)
    return { query: spec.query, corpora: spec.corpora, ...found, position: '', durationMs }
  }
  const { hits, documents, position } = await ports.search({
    query,
    corpora: spec.corpora,
    k: spec.k,
    threshold: spec.threshold,
  })
  const durationMs = elapsedMs(ports.clock, began)
  return { query: spec.query, corpora: spec.corpora, documents, ...packPassages(hits), position, durationMs }
}
