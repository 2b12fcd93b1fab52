import { diffWordsWithSpace } from 'diff'

/**
 * What differs between two texts, word by word.
 *
 * Promise: the parts in order give both texts again: those not added the first, those not removed the second. Two texts
 * too different to compare in time are one part removed and one added.
 */
export interface TextDifference {
  readonly wordsAdded: number
  readonly wordsRemoved: number
  readonly parts: readonly TextPart[]
}

export interface TextPart {
  readonly is: 'same' | 'added' | 'removed'
  readonly text: string
}

/** Nothing else is done meanwhile. */
const timeoutMs = 200

export function textDifference(before: string, after: string): TextDifference {
  const changes = diffWordsWithSpace(before, after, { timeout: timeoutMs }) ?? [
    { value: before, added: false, removed: true },
    { value: after, added: true, removed: false },
  ]
  const parts = changes.map(({ value, added, removed }): TextPart => ({
    is: added ? 'added' : removed ? 'removed' : 'same',
    text: value,
  }))
  return { wordsAdded: wordsIn(parts, 'added'), wordsRemoved: wordsIn(parts, 'removed'), parts }
}

function wordsIn(parts: readonly TextPart[], which: TextPart['is']): number {
  const texts = parts.filter(({ is }) => is === which).map(({ text }) => text)
  return texts.reduce((sum, text) => sum + (text.match(/\S+/gu) ?? []).length, 0)
}
