/** Waits grow, spread, and are at least what a provider asked for. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { backoffMs, bounds } from '#processors/runs/limits.ts'

const runId = fc.uuid()
const attempt = fc.integer({ min: 1, max: 100 })
const tries = fc.integer({ min: 1, max: 60 })

describe('the wait between two calls', () => {
  test('is the same for the same attempt of the same run, so that a resumed run decides the same', () => {
    fc.assert(
      fc.property(runId, attempt, tries, (...[run, n, times]) => {
        const given = { runId: run, attempt: n, tries: times }
        expect(backoffMs(given)).toBe(backoffMs({ ...given }))
      }),
    )
  })

  test('doubles with each try, within ± 50 %, up to its longest', () => {
    fc.assert(
      fc.property(runId, attempt, tries, (run, n, times) => {
        const grown = Math.min(bounds.firstWaitMs * 2 ** (times - 1), bounds.longestWaitMs)
        const waitMs = backoffMs({ runId: run, attempt: n, tries: times })
        expect(waitMs).toBeGreaterThanOrEqual(Math.floor(grown * 0.5))
        expect(waitMs).toBeLessThanOrEqual(Math.ceil(grown * 1.5))
      }),
    )
  })

  test('is what the provider asked for, and at most 250 ms more', () => {
    fc.assert(
      fc.property(runId, attempt, tries, fc.integer({ min: 0, max: 10 ** 7 }), (run, n, times, retryAfterMs) => {
        const waitMs = backoffMs({ runId: run, attempt: n, tries: times, retryAfterMs })
        expect(waitMs).toBeGreaterThanOrEqual(retryAfterMs)
        expect(waitMs).toBeLessThanOrEqual(retryAfterMs + 250)
      }),
    )
  })

  test('differs from run to run, so that many do not call again at once', () => {
    const waits = Array.from({ length: 100 }, (_, n) => backoffMs({ runId: `run-${n}`, attempt: 1, tries: 1 }))
    expect(new Set(waits).size).toBeGreaterThan(50)
  })
})
