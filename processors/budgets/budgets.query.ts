import type { BudgetRule } from '#processors/ports/budget-rules.ts'
import type { Tables } from '#processors/ports/table-store.ts'
import { endOfPeriod, periodAt } from './claims.ts'
import { usd } from './prices.ts'

/**
 * Budgets as people read them, from the lookup store: those configured, in their present period, and what was.
 *
 * Amounts are whole micro-dollars, and US dollars as text for people. What is left is never below 0, also where a call
 * cost more than was held for it.
 */
export interface BudgetView extends PeriodView {
  readonly name: string
  readonly every: BudgetRule['period']
  /** What it counts; null where it counts everything. */
  readonly principal: string | null
  readonly model: string | null
  readonly tag: string | null
  /** When it starts anew, UTC; null for one that never does. */
  readonly resetsAt: string | null
}

export interface PeriodView extends PeriodRow {
  readonly leftMicroUsd: number
  readonly limitUsd: string
  readonly settledUsd: string
  readonly heldUsd: string
  readonly leftUsd: string
}

interface PeriodRow {
  readonly period: string
  readonly limitMicroUsd: number
  readonly settledMicroUsd: number
  readonly heldMicroUsd: number
  readonly granted: number
  readonly refused: number
}

const columns = `period, limit_micro_usd AS limitMicroUsd, settled_micro_usd AS settledMicroUsd,
  held_micro_usd AS heldMicroUsd, granted, refused`

export function listBudgets(tables: Tables, rules: readonly BudgetRule[], nowMs: number): BudgetView[] {
  return rules.map(({ name, period: every, limitMicroUsd, principal, model, tag }) => {
    const period = periodAt(every, nowMs)
    const row = tables.get<PeriodRow>(
      `SELECT ${columns} FROM budget_periods WHERE name = ? AND period = ?`,
      name,
      period,
    )
    const empty = { period, limitMicroUsd, settledMicroUsd: 0, heldMicroUsd: 0, granted: 0, refused: 0 }
    return {
      name,
      every,
      ...asView({ ...empty, ...row, limitMicroUsd }),
      principal: principal ?? null,
      model: model ?? null,
      tag: tag === undefined ? null : `${tag.name}=${tag.value}`,
      resetsAt: endOfPeriod(period) ?? null,
    }
  })
}

/** Newest first; `before` is the last period of the page before. Empty for a name no call was ever counted against. */
export function listPeriods(
  tables: Tables,
  name: string,
  { limit, before }: { readonly limit: number; readonly before?: string },
): { readonly periods: readonly PeriodView[]; readonly next: string | null } {
  const rows = tables.all<PeriodRow>(
    `SELECT ${columns} FROM budget_periods WHERE name = ?1 AND (?2 IS NULL OR period < ?2) ORDER BY period DESC LIMIT ?3`,
    name,
    before ?? null,
    limit + 1,
  )
  const page = rows.slice(0, limit)
  return { periods: page.map(asView), next: rows.length > limit ? (page.at(-1)?.period ?? null) : null }
}

function asView(row: PeriodRow): PeriodView {
  const { limitMicroUsd, settledMicroUsd, heldMicroUsd } = row
  const leftMicroUsd = Math.max(0, limitMicroUsd - settledMicroUsd - heldMicroUsd)
  return {
    ...row,
    leftMicroUsd,
    limitUsd: usd(limitMicroUsd),
    settledUsd: usd(settledMicroUsd),
    heldUsd: usd(heldMicroUsd),
    leftUsd: usd(leftMicroUsd),
  }
}
