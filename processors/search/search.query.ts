import type { TableStore } from '#processors/ports/table-store.ts'
import { searchText } from './text-search.ts'

/**
 * What a run or a person searches with: hits of the given corpora, best first, those below the threshold marked unused.
 */
export interface SearchHit {
  /** `<document>:<ordinal>` */
  readonly chunk: string
  readonly document: string
  readonly path: string
  readonly heading: string
  readonly text: string
  /** From 1. */
  readonly rank: number
  /** 0 to 1. */
  readonly score: number
  readonly relevant: boolean
}

export function search(
  tables: TableStore,
  query: {
    readonly query: string
    readonly corpora: readonly string[]
    readonly k: number
    readonly threshold: number
  },
): SearchHit[] {
  return searchText(tables, query).map((hit, index) => ({
    chunk: `${hit.document}:${hit.ordinal}`,
    document: hit.document,
    path: hit.path,
    heading: hit.heading,
    text: hit.text,
    rank: index + 1,
    score: hit.relevance,
    relevant: hit.relevance >= query.threshold,
  }))
}
