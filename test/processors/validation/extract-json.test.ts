/** JSON out of an answer: golden cases, and any text at all. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { extractJson } from '#processors/validation/extract-json.ts'

const golden = join(import.meta.dirname, 'golden', 'extract-json')
const cases = globSync(join(golden, '*.txt')).map((path) => basename(path, '.txt'))

test.for(cases)('golden: %s', (name) => {
  const text = readFileSync(join(golden, `${name}.txt`), 'utf8')
  const expected: unknown = JSON.parse(readFileSync(join(golden, `${name}.json`), 'utf8'))
  const found = extractJson(text)
  expect(found === undefined ? null : { stood: found.stood, value: found.value }).toEqual(expected)
  if (found !== undefined) expect(JSON.parse(text.slice(found.start, found.end))).toEqual(found.value)
})

test('the golden cases are all there', () => {
  expect(cases.length).toBeGreaterThanOrEqual(40)
})

const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 4 }))
const asWritten = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('an object is found in any prose without braces, bare or fenced, as it was written', () => {
  const prose = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[{}`~]/g, ''))
  fc.assert(
    fc.property(object, prose, prose, fc.boolean(), fc.nat(4), (value, before, after, fenced, indent) => {
      const text = JSON.stringify(value, null, indent)
      const found = extractJson(
        fenced ? `${before}\n\`\`\`json\n${text}\n\`\`\`\n${after}` : `${before} ${text} ${after}`,
      )
      expect(found?.value).toEqual(asWritten(value))
    }),
  )
})

test('a cut object gives nothing of itself', () => {
  fc.assert(
    fc.property(object, fc.nat(), (value, at) => {
      const text = JSON.stringify({ fills: [value, value] })
      expect(extractJson(text.slice(0, at % text.length))).toBeUndefined()
    }),
  )
})

test('what nests deeper than 256, or has more than a million values, is not built', () => {
  const nested = (levels: number): string => `${'['.repeat(levels)}"]]]["${']'.repeat(levels)}`
  expect(extractJson(nested(256))?.stood).toBe('whole')
  expect(extractJson(nested(257))).toBeUndefined()
  expect(extractJson(`{"a":${nested(5_000_000)}}`)).toBeUndefined()
  expect(extractJson(`[${'1,'.repeat(900_000)}1]`)?.value).toHaveLength(900_001)
  const began = performance.now()
  expect(extractJson(`[${'{},'.repeat(8_000_000)}{}]`)).toBeUndefined()
  // It took ten seconds, in which nobody else was answered.
  expect(performance.now() - began).toBeLessThan(3_000)
  expect(extractJson(JSON.stringify({ a: ',{['.repeat(2_000_000) }))?.stood).toBe('whole')
})

test('any text gives JSON that stands there, or nothing', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    '```',
    '~~~',
    '\n',
    'json',
    ':',
    ',',
    '1',
    ' ',
    '{"a":1}',
    '😀',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece).map((all) => all.join('')),
      ),
      (text) => {
        const found = extractJson(text)
        if (found === undefined) return
        expect(JSON.parse(text.slice(found.start, found.end))).toEqual(found.value)
        expect(typeof found.value).toBe('object')
      },
    ),
  )
})

test.for([
  ['{', 1_000_000],
  ['{"', 500_000],
  ['{"a":', 200_000],
  ['\n{"a":', 200_000],
  ['[', 1_000_000],
  ['`', 1_000_000],
  ['```\n', 250_000],
  ['```a`', 200_000],
  ['~', 1_000_000],
  ['\n', 1_000_000],
  ['{ ', 500_000],
  ['"\\', 500_000],
  ['{}x', 300_000],
  ['{"}"', 250_000],
] as const)('a megabyte of %j takes no more than its share', ([piece, times]) => {
  const cpuMs = (text: string): number => {
    const before = process.cpuUsage()
    extractJson(text)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  // Quadratic work would be 10^12 steps: hours.
  expect(cpuMs(piece.repeat(times))).toBeLessThan(3000)
})

test('what is nested deeper than anybody reads is not taken', () => {
  const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  expect(extractJson(nested(200))?.stood).toBe('whole')
  expect(extractJson(nested(100_000))).toBeUndefined()
})
