import type { Tables } from '#processors/ports/table-store.ts'
import type { Projection } from '#processors/stores/projection.ts'
import { type Book, foldReserved, foldSettled, type Hold, type Total } from './fold.ts'
import type { BookRows } from './memory-book.ts'

/**
 * Budgets by period, and the calls that hold money now, for point reads and for processes that start.
 *
 * Promise: the same fold as in memory, so both say the same at the same position.
 */
export const budgetsProjection: Projection = {
  name: 'budgets',
  tables: [
    `CREATE TABLE IF NOT EXISTS budget_periods (
       name TEXT NOT NULL, period TEXT NOT NULL, limit_micro_usd INTEGER NOT NULL, settled_micro_usd INTEGER NOT NULL,
       held_micro_usd INTEGER NOT NULL, granted INTEGER NOT NULL, refused INTEGER NOT NULL,
       PRIMARY KEY (name, period)) WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS budget_holds (
       reservation TEXT PRIMARY KEY, event TEXT NOT NULL, run TEXT NOT NULL, attempt INTEGER NOT NULL,
       micro_usd INTEGER NOT NULL, budgets TEXT NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS budget_closed (reservation TEXT PRIMARY KEY) WITHOUT ROWID`,
  ],
  on: {
    'budget.reserved': ({ data, envelope }, tables) => void foldReserved(bookIn(tables), envelope.id, data),
    'budget.settled': ({ data }, tables) => foldSettled(bookIn(tables), data),
  },
}

const totalColumns = `limit_micro_usd AS limitMicroUsd, settled_micro_usd AS settledMicroUsd,
  held_micro_usd AS heldMicroUsd, granted, refused`
const holdColumns = 'event, run, attempt, micro_usd AS microUsd, budgets'

type HoldRow = Omit<Hold, 'budgets'> & { readonly budgets: string }

function bookIn(tables: Tables): Book {
  return {
    total: (name, period) =>
      tables.get<Total>(`SELECT ${totalColumns} FROM budget_periods WHERE name = ? AND period = ?`, name, period),
    setTotal(name, period, { limitMicroUsd, settledMicroUsd, heldMicroUsd, granted, refused }) {
      const values = [name, period, limitMicroUsd, settledMicroUsd, heldMicroUsd, granted, refused]
      tables.run('INSERT OR REPLACE INTO budget_periods VALUES (?, ?, ?, ?, ?, ?, ?)', ...values)
    },
    hold(reservation) {
      const row = tables.get<HoldRow>(`SELECT ${holdColumns} FROM budget_holds WHERE reservation = ?`, reservation)
      return row === undefined ? undefined : asHold(row)
    },
    setHold(reservation, hold) {
      if (hold === undefined) return void tables.run('DELETE FROM budget_holds WHERE reservation = ?', reservation)
      const { event, run, attempt, microUsd, budgets } = hold
      const values = [reservation, event, run, attempt, microUsd, JSON.stringify(budgets)]
      tables.run('INSERT OR REPLACE INTO budget_holds VALUES (?, ?, ?, ?, ?, ?)', ...values)
    },
    isClosed: (reservation) =>
      tables.get('SELECT reservation FROM budget_closed WHERE reservation = ?', reservation) !== undefined,
    close: (reservation) => void tables.run('INSERT OR IGNORE INTO budget_closed VALUES (?)', reservation),
  }
}

function asHold({ budgets, ...row }: HoldRow): Hold {
  return { ...row, budgets: JSON.parse(budgets) as Hold['budgets'] }
}

/** All of it, and the position it is of: where a process that starts goes on from. Read it in one snapshot. */
export function readBook(tables: Tables): { rows: BookRows; next: number; lastId: string } {
  const at = tables.get<{ next: number; lastId: string }>(
    `SELECT next, last_id AS lastId FROM checkpoints WHERE topic = 'budgets.v1' AND partition = 0`,
  )
  const holds = tables.all<HoldRow & { reservation: string }>(`SELECT reservation, ${holdColumns} FROM budget_holds`)
  return {
    next: at?.next ?? 0,
    lastId: at?.lastId ?? '',
    rows: {
      totals: tables.all(`SELECT name, period, ${totalColumns} FROM budget_periods`),
      holds: holds.map(({ reservation, ...row }) => ({ reservation, ...asHold(row) })),
      closed: tables
        .all<{ reservation: string }>('SELECT reservation FROM budget_closed')
        .map((row) => row.reservation),
    },
  }
}
