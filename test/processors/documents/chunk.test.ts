/** A document in passages: laws for any text, and where it is cut. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunkText, maxCharacters } from '#processors/documents/chunk.ts'

const piece = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\n', '#', '`', '.', '\t', '\r', '🙂', 'é') }),
  fc.constantFrom(
    '# One\n',
    '\n## Two\n',
    '\n\n',
    '```sh\n# no heading\n```\n',
    'x'.repeat(1300),
    'word '.repeat(600),
    '🙂'.repeat(700),
    '\ufeff',
  ),
)
const text = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''))
const solid = (given: string): string => given.replaceAll(/\s/gu, '')

describe('any text', () => {
  test('has each of its characters that is no blank in exactly one passage, in order', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(
          solid(
            chunkText(given)
              .map((one) => one.text)
              .join(''),
          ),
        ).toBe(solid(given))
      }),
      { numRuns: 500 },
    )
  })

  test('has passages that are neither empty nor longer than they may be, numbered from 0', () => {
    fc.assert(
      fc.property(text, (given) => {
        const passages = chunkText(given)
        expect(passages.map(({ ordinal }) => ordinal)).toEqual(passages.map((_, index) => index))
        for (const passage of passages) {
          expect(passage.text.trim()).not.toBe('')
          expect(passage.text.length).toBeLessThanOrEqual(maxCharacters)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('that is well formed has well-formed passages and headings', () => {
    fc.assert(
      fc.property(text, (given) => {
        for (const passage of chunkText(given.toWellFormed())) {
          expect(passage.text.isWellFormed()).toBe(true)
          expect(passage.heading.isWellFormed()).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('has the same passages each time, and whatever its line ends are', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(chunkText(given)).toEqual(chunkText(given))
        const unix = given.replaceAll('\r', '')
        expect(chunkText(unix.replaceAll('\n', '\r\n'))).toEqual(chunkText(unix))
      }),
      { numRuns: 200 },
    )
  })
})

describe('a passage', () => {
  test('stands under its headings, outermost first', () => {
    const passages = chunkText('# A\n\none\n\n## B\n\ntwo\n\n### C\nthree\n\n## D\n\nfour\n\n# E\n\nfive')
    expect(passages.map(({ heading }) => heading)).toEqual(['A', 'A › B', 'A › B › C', 'A › D', 'E'])
  })

  test('under a level that was skipped has no gap in its headings', () => {
    expect(chunkText('# A\n\n#### D\n\ntext').at(-1)?.heading).toBe('A › D')
  })

  test('of code keeps its comments: they are no headings', () => {
    const passages = chunkText('# A\n\n```sh\n# a comment\n\n# another\nrun\n```\n\n## B\n\ntext')
    expect(passages.map(({ heading }) => heading)).toEqual(['A', 'A › B'])
  })

  test('is cut at a sentence where a paragraph is too long', () => {
    const passages = chunkText('This is one sentence of many. '.repeat(100))
    expect(passages.length).toBeGreaterThan(2)
    for (const { text: one } of passages) expect(one.endsWith('many.')).toBe(true)
  })

  test('has a heading of a bearable length, however long the line is', () => {
    const passages = chunkText(`# ${'long '.repeat(200_000)}\n\nend`)
    expect(Math.max(...passages.map(({ heading }) => heading.length))).toBeLessThanOrEqual(200)
  })

  test('of a text of many megabytes is cut in a moment', () => {
    const began = performance.now()
    expect(chunkText('x'.repeat(8_000_000)).length).toBe(Math.ceil(8_000_000 / maxCharacters))
    chunkText('\n'.repeat(2_000_000))
    chunkText(`${' '.repeat(2_000_000)}x`)
    expect(performance.now() - began).toBeLessThan(3000)
  })
})
