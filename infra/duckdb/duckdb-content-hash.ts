/**
 * What a set of tables says, as one number: the sum modulo 2^128 of the first 16 bytes of each row's SHA-256 (R3).
 *
 * Promise: the same rows give the same hash, whatever order they came in and whatever order the columns were declared
 * in; a row counts as often as it occurs. A row is hashed as JSON: its table and columns, then its values as text.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { identifier, text } from './duckdb-columns.ts'

export async function duckdbContentHash(connection: DuckDBConnection, tables: readonly string[]): Promise<string> {
  let sum = 0n
  for (const table of tables) sum += await sumOfRows(connection, table)
  return BigInt.asUintN(128, sum).toString(16).padStart(32, '0')
}

async function sumOfRows(connection: DuckDBConnection, table: string): Promise<bigint> {
  const described = await connection.runAndReadAll(
    `SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = 'main'
       AND table_name = ${text(table)} ORDER BY column_name`,
  )
  const columns = described.getRows().map(([name]) => String(name))
  if (columns.length === 0) throw new Error(`there is no table ${table}`)
  const head = text(JSON.stringify([table, ...columns]))
  const values = columns.map((name) => `${identifier(name)}::VARCHAR`).join(', ')
  // Sums of 64-bit halves are exact: DuckDB adds UBIGINT up as HUGEINT.
  const summed = await connection.runAndReadAll(
    `SELECT sum(('0x' || digest[1:16])::UBIGINT), sum(('0x' || digest[17:32])::UBIGINT)
       FROM (SELECT sha256(json_array(${head}, ${values})::VARCHAR) AS digest FROM ${identifier(table)})`,
  )
  const [high = null, low = null] = summed.getRows()[0] ?? []
  return ((high as bigint | null) ?? 0n) * 2n ** 64n + ((low as bigint | null) ?? 0n)
}
