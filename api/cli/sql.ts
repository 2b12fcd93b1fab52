import { askWarehouse } from './ask-warehouse.ts'
import type { CliAction } from './command.ts'
import { counted } from './counted.ts'
import { wholeNumber } from './number.ts'

/**
 * `lattice sql`: one SELECT over the warehouse, locked down.
 *
 * Promise: the answer has all of the log as it was when the question was asked. Where another process owns the
 * warehouse, that one is asked.
 */
export const sqlCommand: CliAction = async (context) => {
  const {
    arguments: [sql = ''],
    options,
    print,
  } = context
  const question = {
    sql,
    maxRows: wholeNumber(context, 'limit', { least: 1, most: 100_000 }) ?? 1000,
    timeoutMs: wholeNumber(context, 'timeoutMs', { least: 1, most: 60_000 }) ?? 30_000,
  }
  const opened = await context.open({ role: 'sql', stores: ['warehouse'], existing: true, models: false, quiet: true })
  try {
    const { columns, rows, truncated } = await askWarehouse(context, opened, question)
    const named = rows.map((row) =>
      Object.fromEntries(row.map((value, index) => [columns[index]?.name ?? '', plain(value)])),
    )
    if (options['json'] === true) for (const row of named) print.out(JSON.stringify(row))
    else print.table(named)
    if (named.length === 0) print.note('no rows')
    if (truncated) print.note(`cut off after ${counted(rows.length, 'row')}; --limit takes more`)
    return 0
  } finally {
    await opened.close()
  }
}

/** As JSON and people have it. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
}
