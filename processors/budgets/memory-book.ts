import type { Book, Hold, Total } from './fold.ts'

/** The state of the budgets in memory: what a process that asks decides by. */
export interface MemoryBook extends Book {
  /** Granted and not settled, oldest first. */
  holds(): IterableIterator<[reservation: string, hold: Hold]>
}

export interface BookRows {
  readonly totals: readonly (Total & { readonly name: string; readonly period: string })[]
  readonly holds: readonly (Hold & { readonly reservation: string })[]
  readonly closed: readonly string[]
}

export function memoryBook(rows?: BookRows): MemoryBook {
  const totals = new Map<string, Total>()
  const holds = new Map<string, Hold>()
  const closed = new Set<string>(rows?.closed)
  for (const { name, period, ...total } of rows?.totals ?? []) totals.set(keyOf(name, period), total)
  for (const { reservation, ...hold } of rows?.holds ?? []) holds.set(reservation, hold)
  return {
    total: (name, period) => totals.get(keyOf(name, period)),
    setTotal: (name, period, total) => void totals.set(keyOf(name, period), total),
    hold: (reservation) => holds.get(reservation),
    setHold(reservation, hold) {
      if (hold === undefined) holds.delete(reservation)
      else holds.set(reservation, hold)
    },
    isClosed: (reservation) => closed.has(reservation),
    close: (reservation) => void closed.add(reservation),
    holds: () => holds.entries(),
  }
}

function keyOf(name: string, period: string): string {
  return `${period} ${name}`
}
