import { sha256 } from '#schemas/ids.ts'

/**
 * A corpus as one word of the text index.
 *
 * Promise: two corpora never share a word, whatever their names are made of: the index would take `docs` and `docs-2`
 * apart into words that match one another.
 */
export function corpusTerm(corpus: string): string {
  return `c${sha256(corpus).slice(0, 32)}`
}
