/**
 * Tables and views as they are defined in code, made in a database.
 *
 * Promise: a table that is there is as defined or an error; it is never altered, because its rows would then differ
 * from those of a new build. Views may stand on each other and be given in any order.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { Failure } from '#processors/ports/failure.ts'
import type { TableDefinition, ViewDefinition } from '#processors/ports/column-store.ts'
import { columnsOf, createTable, identifier } from './duckdb-columns.ts'

export async function defineTables(connection: DuckDBConnection, tables: readonly TableDefinition[]): Promise<void> {
  const described = await connection.runAndReadAll(`
    SELECT table_name, column_name || ' ' || data_type || CASE WHEN is_nullable THEN '' ELSE ' NOT NULL' END
      FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name)
     WHERE database_name = current_database() AND schema_name = 'main' ORDER BY table_name, column_index`)
  const there = Map.groupBy(described.getRows(), ([table]) => String(table))
  for (const table of tables) {
    const columns = there.get(table.name)?.map(([, column]) => String(column))
    if (columns !== undefined) requireSame(table, columns)
  }
  const missing = tables.filter(({ name }) => !there.has(name))
  if (missing.length > 0) await connection.run(['BEGIN', ...missing.flatMap(createTable), 'COMMIT'].join(';\n'))
}

function requireSame(table: TableDefinition, columns: readonly string[]): void {
  const expected = columnsOf(table)
  if (expected.length === columns.length && expected.every((column, index) => column === columns[index])) return
  const differing = expected.filter((column) => !columns.includes(column)).join(', ')
  throw new Failure(
    'store.rebuild-required',
    `table ${table.name} has ${differing === '' ? 'other columns, or another order of them' : `no column ${differing}`}`,
    { remedy: 'Rebuild the store.' },
  )
}

export async function defineViews(connection: DuckDBConnection, views: readonly ViewDefinition[]): Promise<void> {
  for (let waiting = views; waiting.length > 0;) {
    const failed: { view: ViewDefinition; error: unknown }[] = []
    for (const view of waiting) {
      try {
        await connection.run(`CREATE OR REPLACE VIEW ${identifier(view.name)} AS ${view.sql.replace(/[;\s]+$/, '')}`)
      } catch (error) {
        failed.push({ view, error })
      }
    }
    // Those that failed may need one that has been made since.
    const [first] = failed
    if (first !== undefined && failed.length === waiting.length) {
      throw new Failure('internal', `view ${first.view.name} cannot be defined`, { cause: first.error })
    }
    waiting = failed.map(({ view }) => view)
  }
}
