/** Which budgets count a call, and in which period. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimsOf, endOfPeriod, periodAt } from '#processors/budgets/claims.ts'
import { budgetPeriods, type BudgetRule } from '#processors/ports/budget-rules.ts'

const spender = { principal: 'ann', tags: { team: 'search' }, provider: 'groq', model: 'openai/gpt-oss-20b' }
const midnight = Date.UTC(2026, 10, 22)

describe('a budget counts', () => {
  const counts = (rule: Partial<BudgetRule>): boolean =>
    claimsOf([{ name: 'b', limitMicroUsd: 1, period: 'day', ...rule }], spender, midnight).length === 1

  test.for<[Partial<BudgetRule>, boolean]>([
    [{}, true],
    [{ principal: 'ann' }, true],
    [{ principal: 'bob' }, false],
    [{ model: 'groq/*' }, true],
    [{ model: 'openai/*' }, true],
    [{ model: 'openai/gpt-4o' }, false],
    [{ tag: { name: 'team', value: 'search' } }, true],
    [{ tag: { name: 'team', value: 's*' } }, true],
    [{ tag: { name: 'team', value: 'ads' } }, false],
    [{ tag: { name: 'toString', value: '*' } }, false],
    [{ principal: 'ann', tag: { name: 'team', value: 'ads' } }, false],
  ])('%j: %s', ([rule, expected]) => {
    expect(counts(rule)).toBe(expected)
  })
})

describe('a period', () => {
  test('is another one from midnight UTC on, to the millisecond', () => {
    expect(periodAt('day', midnight - 1)).toBe('2026-11-21')
    expect(periodAt('day', midnight)).toBe('2026-11-22')
    expect(endOfPeriod('2026-11-21')).toBe('2026-11-22T00:00:00Z')
    expect(periodAt('hour', midnight - 1)).toBe('2026-11-21T23')
    expect(endOfPeriod('2026-12')).toBe('2027-01-01T00:00:00Z')
    expect(endOfPeriod('total')).toBeUndefined()
  })

  test('ends where the next one begins', () => {
    fc.assert(
      fc.property(fc.constantFrom(...budgetPeriods), fc.integer({ min: 0, max: 4_000_000_000_000 }), (every, now) => {
        const end = endOfPeriod(periodAt(every, now))
        if (end === undefined) return
        expect(periodAt(every, Date.parse(end) - 1)).toBe(periodAt(every, now))
        expect(periodAt(every, Date.parse(end))).not.toBe(periodAt(every, now))
      }),
    )
  })
})
