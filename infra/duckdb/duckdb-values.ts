/**
 * Values as they go into and come out of a query: plain JavaScript, whole numbers as `number` where that is exact.
 */
import type { DuckDBType, DuckDBValue, DuckDBValueConverter, JS } from '@duckdb/node-api'
import type { Duckdb } from './duckdb-database.ts'

export function plainValues({ JSDuckDBValueConverter }: Duckdb): DuckDBValueConverter<JS> {
  const plain: DuckDBValueConverter<JS> = (value, type) => {
    const converted = JSDuckDBValueConverter(value, type, plain)
    return typeof converted === 'bigint' && Number.isSafeInteger(Number(converted)) ? Number(converted) : converted
  }
  return plain
}

/** The values of a statement and their types; without them every number would be a DOUBLE. */
export function boundValues(duckdb: Duckdb, given: readonly unknown[]): { values: DuckDBValue[]; types: DuckDBType[] } {
  const bound = given.map((value) => boundValue(duckdb, value))
  return { values: bound.map(([value]) => value), types: bound.map(([, type]) => type) }
}

function boundValue(duckdb: Duckdb, value: unknown): [DuckDBValue, DuckDBType] {
  switch (typeof value) {
    case 'string':
      return [value, duckdb.VARCHAR]
    case 'boolean':
      return [value, duckdb.BOOLEAN]
    case 'bigint':
      return [value, BigInt.asIntN(64, value) === value ? duckdb.BIGINT : duckdb.HUGEINT]
    case 'number':
      return Number.isSafeInteger(value) ? [BigInt(value), duckdb.BIGINT] : [value, duckdb.DOUBLE]
    case 'undefined':
      return [null, duckdb.SQLNULL]
    default:
  }
  if (value === null) return [null, duckdb.SQLNULL]
  if (value instanceof Date) return [new duckdb.DuckDBTimestampValue(BigInt(value.getTime()) * 1000n), duckdb.TIMESTAMP]
  if (value instanceof Uint8Array) return [new duckdb.DuckDBBlobValue(value), duckdb.BLOB]
  throw new TypeError('a query takes text, numbers, booleans, null, dates and bytes')
}
