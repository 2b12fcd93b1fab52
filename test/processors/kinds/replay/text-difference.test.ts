/** The difference between two texts gives both again, whatever they are written in. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { textDifference } from '#processors/kinds/replay/text-difference.ts'

test('words changed are counted, and the rest stands', () => {
  expect(textDifference('Größe: fünf 😀 Leute', 'Größe: sechs 😀 Leute heute')).toEqual({
    wordsAdded: 2,
    wordsRemoved: 1,
    parts: [
      { is: 'same', text: 'Größe: ' },
      { is: 'removed', text: 'fünf' },
      { is: 'added', text: 'sechs' },
      { is: 'same', text: ' 😀 Leute' },
      { is: 'added', text: ' heute' },
    ],
  })
})

test('the parts give both texts again', () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(text, text, (before, after) => {
      const { parts } = textDifference(before, after)
      const without = (left: string): string =>
        parts
          .filter(({ is }) => is !== left)
          .map((part) => part.text)
          .join('')
      expect(without('added')).toBe(before)
      expect(without('removed')).toBe(after)
    }),
  )
})
