import type { EventData } from '#schemas/event.ts'
import type { SearchHit } from './search.query.ts'

/**
 * Which hits go into the prompt, and as what text.
 *
 * Promise: best first, only relevant ones, whole passages, at most `budgetCharacters` together. The result is frozen in
 * `retrieval.completed`, so a change here alters no past run.
 */
export const budgetCharacters = 6000

type Packed = Pick<EventData['retrieval.completed'], 'hits' | 'passages'>

export function packPassages(hits: readonly SearchHit[]): Packed {
  let left = budgetCharacters
  const passages: Packed['passages'][number][] = []
  const noted = hits.map(({ chunk, document, path, rank, score, relevant, heading, text }) => {
    const packed = heading === '' || text.startsWith('#') ? text : `${heading}\n${text}`
    const used = relevant && packed.length <= left
    if (used) {
      left -= packed.length
      passages.push({ chunk, path, score, text: packed })
    }
    return { chunk, document, path, rank, score, used }
  })
  return { hits: noted, passages }
}
