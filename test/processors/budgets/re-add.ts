/**
 * Adds a log of budgets up by hand: for each reservation, a fresh sum over all records before it.
 *
 * It shares no code with the fold and keeps no running totals, so that a mistake in the one is no mistake in the other.
 */
import type { EventData } from '#schemas/event.ts'

export type BudgetRecord =
  | { readonly id: string; readonly type: 'budget.reserved'; readonly data: EventData['budget.reserved'] }
  | { readonly id: string; readonly type: 'budget.settled'; readonly data: EventData['budget.settled'] }

export interface ReAdded {
  /** Event ids. */
  readonly granted: ReadonlySet<string>
  /** The most that was settled and held at one time, by `<name> <period>`, counted right after each grant. */
  readonly most: ReadonlyMap<string, number>
  /** Reservations granted and never settled. */
  readonly open: readonly string[]
}

interface Grant {
  readonly at: number
  readonly data: EventData['budget.reserved']
  settledAt?: number
  cost?: number
}

export function grantedIn(log: readonly BudgetRecord[]): ReAdded {
  const grants: Grant[] = []
  const granted = new Set<string>()
  const most = new Map<string, number>()
  const tooEarly = new Set<string>()
  const openGrant = (reservation: string): Grant | undefined =>
    grants.find((one) => one.data.reservation === reservation && one.settledAt === undefined)

  log.forEach((record, at) => {
    if (record.type === 'budget.settled') {
      const grant = openGrant(record.data.reservation)
      if (grant === undefined) tooEarly.add(record.data.reservation)
      else Object.assign(grant, { settledAt: at, cost: record.data.microUsd })
      return
    }
    const { data } = record
    if (openGrant(data.reservation) !== undefined || tooEarly.has(data.reservation)) return
    const after = data.budgets.map(({ name, period, limitMicroUsd }) => {
      const used = grants
        .filter((one) => one.data.budgets.some((claim) => claim.name === name && claim.period === period))
        .reduce((sum, one) => sum + (one.cost ?? one.data.microUsd), 0)
      return { key: `${name} ${period}`, used: used + data.microUsd, limitMicroUsd }
    })
    if (after.some(({ used, limitMicroUsd }) => used > limitMicroUsd)) return
    grants.push({ at, data })
    granted.add(record.id)
    for (const { key, used } of after) most.set(key, Math.max(most.get(key) ?? 0, used))
  })
  const open = grants.filter((one) => one.settledAt === undefined).map(({ data }) => data.reservation)
  return { granted, most, open }
}
