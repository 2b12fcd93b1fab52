import type { EventData } from '#schemas/event.ts'
import type { Claim } from './claims.ts'

/**
 * What `budgets.v1` says, in its one order: who was granted what (R12).
 *
 * Promise (`budget.exact`): a reservation is granted if and only if each budget it names has room for it, all or nothing:
 * settled + held + asked ≤ limit. What is granted depends on the log's prefix alone, so every reader agrees and nothing
 * is taken back. The first settlement of a reservation counts. One that comes before its reservation, because its asker
 * gave up waiting, closes it: the reservation is then refused. A second reservation of the same id from another event
 * (two owners of one run) is refused while the first is held.
 */
export interface Total {
  /** As last asked with. */
  readonly limitMicroUsd: number
  readonly settledMicroUsd: number
  /** Granted and not settled. */
  readonly heldMicroUsd: number
  readonly granted: number
  readonly refused: number
}

export interface Hold {
  /** Id of the event that was granted. */
  readonly event: string
  readonly run: string
  readonly attempt: number
  readonly microUsd: number
  readonly budgets: readonly { readonly name: string; readonly period: string }[]
}

/** Where the state is kept: in memory, and in the lookup store's tables. */
export interface Book {
  total(name: string, period: string): Total | undefined
  setTotal(name: string, period: string, total: Total): void
  hold(reservation: string): Hold | undefined
  /** Undefined removes it. */
  setHold(reservation: string, hold: Hold | undefined): void
  /** Reservations settled while they were not held. */
  isClosed(reservation: string): boolean
  close(reservation: string): void
}

export type Verdict =
  | { readonly granted: true }
  | { readonly granted: false; readonly why: 'spent'; readonly claim: Claim; readonly total: Total }
  | { readonly granted: false; readonly why: 'closed' | 'taken' }

const empty: Total = { limitMicroUsd: 0, settledMicroUsd: 0, heldMicroUsd: 0, granted: 0, refused: 0 }

export function foldReserved(book: Book, event: string, data: EventData['budget.reserved']): Verdict {
  const { reservation, run, attempt } = data
  const held = book.hold(reservation)
  if (held !== undefined) return held.event === event ? { granted: true } : { granted: false, why: 'taken' }
  if (book.isClosed(reservation)) return { granted: false, why: 'closed' }

  const microUsd = Math.max(0, data.microUsd)
  const budgets = distinct(data.budgets)
  const verdict = wouldGrant(book, budgets, microUsd)
  for (const { name, period, limitMicroUsd } of budgets) {
    const total = book.total(name, period) ?? empty
    const next = verdict.granted
      ? { ...total, heldMicroUsd: total.heldMicroUsd + microUsd, granted: total.granted + 1 }
      : { ...total, refused: total.refused + 1 }
    book.setTotal(name, period, { ...next, limitMicroUsd })
  }
  if (verdict.granted) {
    const names = budgets.map(({ name, period }) => ({ name, period }))
    book.setHold(reservation, { event, run, attempt, microUsd, budgets: names })
  }
  return verdict
}

export function foldSettled(book: Book, { reservation, microUsd }: EventData['budget.settled']): void {
  const hold = book.hold(reservation)
  if (hold === undefined) return book.close(reservation)
  for (const { name, period } of hold.budgets) {
    const total = book.total(name, period) ?? empty
    book.setTotal(name, period, {
      ...total,
      heldMicroUsd: total.heldMicroUsd - hold.microUsd,
      settledMicroUsd: total.settledMicroUsd + Math.max(0, microUsd),
    })
  }
  book.setHold(reservation, undefined)
}

/** What the fold would say to a reservation that came next. */
export function wouldGrant(
  book: Book,
  budgets: readonly Claim[],
  microUsd: number,
): Extract<Verdict, { granted: true } | { why: 'spent' }> {
  for (const claim of budgets) {
    const total = book.total(claim.name, claim.period) ?? empty
    if (total.settledMicroUsd + total.heldMicroUsd + microUsd > claim.limitMicroUsd) {
      return { granted: false, why: 'spent', claim, total }
    }
  }
  return { granted: true }
}

/** Named twice for the same period, a budget counts once, by its first claim. */
function distinct(claims: readonly Claim[]): readonly Claim[] {
  return claims.filter(
    ({ name, period }, index) => claims.findIndex((one) => one.name === name && one.period === period) === index,
  )
}
