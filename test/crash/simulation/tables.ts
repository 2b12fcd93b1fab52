/**
 * Real SQLite stores for referees, kept and emptied between schedules: opening one takes longer than a schedule.
 */
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import { refereeTables } from '#processors/journal/referee.ts'
import type { TableStore } from '#processors/ports/table-store.ts'

export interface TablePool {
  take(): TableStore
  /** Everything taken is empty and free again. */
  reset(): void
}

export function openTablePool(): TablePool {
  const all: TableStore[] = []
  let taken = 0
  return {
    take() {
      const store = all[taken] ?? openSqliteTableStore({ path: ':memory:', schema: refereeTables })
      all[taken++] = store
      return store
    },
    reset() {
      for (const store of all.slice(0, taken)) {
        for (const table of ['chains', 'rejected', 'judged']) store.run(`DELETE FROM ${table}`)
      }
      taken = 0
    },
  }
}
