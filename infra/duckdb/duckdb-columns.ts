/**
 * Tables in DuckDB's words, and values put into its data chunks column by column.
 *
 * Promise: a value its column cannot hold is named (table, column, row) and nothing is rounded or cut silently. A
 * `timestamp` is ms since 1970 or ISO 8601 text, in UTC where the text names no zone; it is kept to the millisecond.
 */
import type { DuckDBDataChunk, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import { Failure } from '#processors/ports/failure.ts'
import type { ColumnKind, ColumnValues, TableDefinition } from '#processors/ports/column-store.ts'
import type { Duckdb } from './duckdb-database.ts'

const typeNames: Readonly<Record<ColumnKind, string>> = {
  string: 'VARCHAR',
  int: 'INTEGER',
  long: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  json: 'JSON',
  bytes: 'BLOB',
}

/** What `duckdb_columns()` says of a table that is as defined. */
export function columnsOf(table: TableDefinition): string[] {
  return table.columns.map(({ name, kind, nullable }) => `${name} ${typeNames[kind]}${nullable ? '' : ' NOT NULL'}`)
}

export function createTable(table: TableDefinition): string[] {
  const columns = table.columns.map(
    ({ name, kind, nullable }) => `${identifier(name)} ${typeNames[kind]}${nullable ? '' : ' NOT NULL'}`,
  )
  const comments = table.columns
    .filter(({ comment }) => comment !== undefined)
    .map(
      ({ name, comment = '' }) => `COMMENT ON COLUMN ${identifier(table.name)}.${identifier(name)} IS ${text(comment)}`,
    )
  return [`CREATE TABLE ${identifier(table.name)} (${columns.join(', ')})`, ...comments]
}

export function chunkTypes(duckdb: Duckdb, table: TableDefinition): DuckDBType[] {
  const types: Readonly<Record<ColumnKind, DuckDBType>> = {
    string: duckdb.VARCHAR,
    int: duckdb.INTEGER,
    long: duckdb.BIGINT,
    double: duckdb.DOUBLE,
    boolean: duckdb.BOOLEAN,
    timestamp: duckdb.TIMESTAMP,
    json: duckdb.VARCHAR,
    bytes: duckdb.BLOB,
  }
  return table.columns.map(({ kind }) => types[kind])
}

/** Fills `chunk` with `rows` rows of `columns` from row `from` on. */
export function fillChunk(duckdb: Duckdb, chunk: DuckDBDataChunk, source: ChunkSource): void {
  const { table, columns, from, rows } = source
  chunk.reset()
  chunk.rowCount = rows
  table.columns.forEach(({ name, kind, nullable }, index) => {
    const values = columns[index] ?? []
    const vector = chunk.getColumnVector(index)
    const convert = conversions(duckdb)[kind]
    for (let row = 0; row < rows; row++) {
      const value = values[from + row]
      const given = value === null || value === undefined ? null : convert(value)
      if (given === undefined || (given === null && !nullable)) {
        throw new Failure(
          'event.undecodable',
          `${table.name}.${name}, row ${from + row}: ${describe(value)} is no ${kind}`,
        )
      }
      vector.setItem(row, given)
    }
    vector.flush()
  })
}

export interface ChunkSource {
  readonly table: TableDefinition
  readonly columns: readonly ColumnValues[]
  readonly from: number
  readonly rows: number
}

type Given = NonNullable<ColumnValues[number]>
/** Undefined: the value is not of this kind. */
type Convert = (value: Given) => DuckDBValue | undefined

let known: Readonly<Record<ColumnKind, Convert>> | undefined

function conversions({ DuckDBTimestampValue, DuckDBBlobValue }: Duckdb): Readonly<Record<ColumnKind, Convert>> {
  const asText: Convert = (value) => (typeof value === 'string' ? value : undefined)
  return (known ??= {
    string: asText,
    json: asText,
    int: (value) => (typeof value === 'number' && (value | 0) === value ? value : undefined),
    long(value) {
      if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : undefined
    },
    double: (value) => (typeof value === 'number' ? value : undefined),
    boolean: (value) => (typeof value === 'boolean' ? value : undefined),
    timestamp(value) {
      const ms = typeof value === 'number' ? Math.round(value) : typeof value === 'string' ? parseTime(value) : NaN
      return Math.abs(ms) <= lastMs ? new DuckDBTimestampValue(BigInt(ms) * 1000n) : undefined
    },
    bytes: (value) => (value instanceof Uint8Array ? new DuckDBBlobValue(value) : undefined),
  })
}

/** The last moment a `Date` can name. */
const lastMs = 8.64e15

function parseTime(value: string): number {
  return Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(value) ? value : `${value}Z`)
}

function describe(value: ColumnValues[number] | undefined): string {
  if (value === null || value === undefined) return 'null'
  return typeof value === 'string' || value instanceof Uint8Array
    ? `a ${typeof value} of ${value.length}`
    : String(value)
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}
