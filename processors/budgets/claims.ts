import type { BudgetPeriod, BudgetRule } from '#processors/ports/budget-rules.ts'
import type { EventData } from '#schemas/event.ts'
import { fits } from './glob.ts'

/**
 * Which budgets a call counts against, and in which period.
 *
 * Promise: pure; the clock is the caller's, and what it says is frozen in the event, by UTC. A claim carries the limit
 * as its process knows it: where two processes were given different limits, each call is held to its own asker's, so a
 * lower limit takes effect where it is configured and changes nothing that was granted.
 */
export type Claim = EventData['budget.reserved']['budgets'][number]

export interface Spender {
  readonly principal: string
  readonly tags: Readonly<Record<string, string>>
  readonly provider: string
  readonly model: string
}

export function claimsOf(rules: readonly BudgetRule[], spender: Spender, nowMs: number): Claim[] {
  return rules
    .filter((rule) => counts(rule, spender))
    .map(({ name, period, limitMicroUsd }) => ({ name, period: periodAt(period, nowMs), limitMicroUsd }))
}

function counts({ principal, model, tag }: BudgetRule, spender: Spender): boolean {
  if (principal !== undefined && !fits(principal, spender.principal)) return false
  if (model !== undefined && !fits(model, `${spender.provider}/${spender.model}`) && !fits(model, spender.model)) {
    return false
  }
  if (tag === undefined) return true
  const value = Object.hasOwn(spender.tags, tag.name) ? spender.tags[tag.name] : undefined
  return value !== undefined && fits(tag.value, value)
}

/** `2026-11-21T13`, `2026-11-21`, `2026-11` or `total`. */
export function periodAt(period: BudgetPeriod, nowMs: number): string {
  if (period === 'total') return period
  return new Date(nowMs).toISOString().slice(0, { hour: 13, day: 10, month: 7 }[period])
}

/** When a period, as `periodAt` names it, is over: ISO 8601, UTC; undefined for `total`. */
export function endOfPeriod(period: string): string | undefined {
  const [, year, month, day, hour] = /^(\d{4})-(\d{2})(?:-(\d{2})(?:T(\d{2}))?)?$/.exec(period) ?? []
  if (year === undefined || month === undefined) return undefined
  const end =
    day === undefined
      ? Date.UTC(Number(year), Number(month), 1)
      : hour === undefined
        ? Date.UTC(Number(year), Number(month) - 1, Number(day) + 1)
        : Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour) + 1)
  return new Date(end).toISOString().replace('.000Z', 'Z')
}
