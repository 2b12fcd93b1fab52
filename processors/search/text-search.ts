import type { TableStore, Tables } from '#processors/ports/table-store.ts'
import { corpusTerm } from './corpus-term.ts'
import { isTelling, termsOf } from './terms.ts'

/**
 * Passages of some corpora for a question, by BM25 (SQLite FTS5, Porter), each with a relevance from 0 to 1.
 *
 * Relevance is the share of the question's weight that the passage covers: the inverse document frequencies of the terms
 * it has, over those of all terms. It says whether a passage is about the question at all, which a BM25 score, unbounded
 * and only comparable within one query, can't. Ranking stays BM25's. Ties are broken by document and ordinal.
 */
export interface TextHit {
  readonly document: string
  readonly ordinal: number
  readonly path: string
  readonly heading: string
  readonly text: string
  readonly relevance: number
}

export interface TextQuery {
  readonly query: string
  readonly corpora: readonly string[]
  readonly k: number
}

const candidates = 4

export function searchText(tables: TableStore, { query, corpora, k }: TextQuery): TextHit[] {
  const terms = termsOf(query)
  if (terms.length === 0 || corpora.length === 0) return []
  return tables.snapshot(() => {
    const within = `corpus : (${corpora.map(corpusTerm).join(' OR ')})`
    const found = tables.all<Found>(
      `SELECT chunks_fts.rowid AS id, bm25(chunks_fts, 0, 2, 1) AS rank, r.document, r.ordinal
       FROM chunks_fts JOIN chunks_fts_rows r ON r.id = chunks_fts.rowid
       WHERE chunks_fts MATCH ? ORDER BY rank, r.document, r.ordinal LIMIT ?`,
      `(${within}) AND ({heading text} : (${terms.map(quoted).join(' OR ')}))`,
      k * candidates,
    )
    if (found.length === 0) return []
    const relevance = terms.some(isTelling) ? relevanceOf(tables, { found, terms, within }) : undefined
    return found.slice(0, k).map(({ id, document, ordinal }) => ({
      ...tables.get<{ path: string; heading: string; text: string }>(
        `SELECT d.path, c.heading, c.text FROM chunks c JOIN documents d USING (document)
         WHERE c.document = ? AND c.ordinal = ?`,
        document,
        ordinal,
      )!,
      document,
      ordinal,
      // Any passage is relevant to a question about the whole.
      relevance: relevance === undefined ? 1 : (relevance.get(id) ?? 0),
    }))
  })
}

interface Found {
  readonly id: number
  readonly rank: number
  readonly document: string
  readonly ordinal: number
}

function relevanceOf(
  tables: Tables,
  { found, terms, within }: { found: readonly Found[]; terms: readonly string[]; within: string },
): Map<number, number> {
  const ids = new Set(found.map((one) => one.id))
  const total =
    tables.get<{ n: number }>('SELECT count(*) AS n FROM chunks_fts WHERE chunks_fts MATCH ?', within)?.n ?? 0
  const covered = new Map<number, number>()
  let weight = 0
  for (const term of terms) {
    const having = tables.all<{ id: number }>(
      'SELECT rowid AS id FROM chunks_fts WHERE chunks_fts MATCH ?',
      `(${within}) AND ({heading text} : ${quoted(term)})`,
    )
    const idf = Math.log(1 + (total - having.length + 0.5) / (having.length + 0.5))
    weight += idf
    for (const { id } of having) if (ids.has(id)) covered.set(id, (covered.get(id) ?? 0) + idf)
  }
  for (const [id, sum] of covered) covered.set(id, weight === 0 ? 0 : Math.round((sum / weight) * 1e6) / 1e6)
  return covered
}

/** A string of FTS5's query language; it has no special characters inside double quotes but the quote. */
function quoted(word: string): string {
  return `"${word.replaceAll('"', '""')}"`
}
