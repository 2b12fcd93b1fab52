/** The sign test against values worked out elsewhere, and its laws. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { signTest } from '#processors/kinds/replay/sign-test.ts'

const of = (better: number, worse: number, ties = 0): ReturnType<typeof signTest> =>
  signTest([
    ...Array.from({ length: better }, () => 1),
    ...Array.from({ length: worse }, () => -1),
    ...Array.from({ length: ties }, () => 0),
  ])

/** `binom.test(better, better + worse)$p.value` of R. */
test.for([
  [0, 0, 1],
  [1, 0, 1],
  [5, 0, 0.0625],
  [6, 0, 0.03125],
  [8, 1, 0.0390625],
  [9, 1, 0.021484375],
  [7, 3, 0.34375],
  [5, 5, 1],
  [15, 5, 0.04138947],
  [60, 40, 0.05688793],
  [0, 100, 1.577722e-30],
] as const)('%i better and %i worse: p = %f', ([better, worse, p]) => {
  expect(of(better, worse).p / p).toBeCloseTo(1, 6)
})

test('ties are counted and left out', () => {
  expect(of(9, 1, 40)).toEqual({ better: 9, worse: 1, ties: 40, p: of(9, 1).p })
})

test('p is a probability, the same from both sides, and falls as the sides part', () => {
  const side = fc.integer({ min: 0, max: 400 })
  fc.assert(
    fc.property(side, side, (one, other) => {
      const { p } = of(one, other)
      expect(p).toBeGreaterThan(0)
      expect(p).toBeLessThanOrEqual(1)
      expect(of(other, one).p).toBe(p)
      if (one >= other && other > 0) expect(of(one + 1, other - 1).p).toBeLessThanOrEqual(p)
    }),
    { numRuns: 200 },
  )
})
