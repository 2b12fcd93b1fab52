/**
 * What a database says, as one number: the sum modulo 2^128 of the first 16 bytes of each row's SHA-256 (R3).
 *
 * Promise: the same rows give the same hash, whatever order they were written in and whatever order the columns were
 * declared in; a row counts as often as it occurs. SQLite's own tables and the shadow tables of its full-text index,
 * which hold bytes that depend on the order of writing, are left out.
 */
import { hash } from 'node:crypto'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'

export function sqliteContentHash(database: DatabaseSync, tables?: readonly string[]): string {
  const hashing = hashInSteps(database, tables)
  for (;;) {
    const step = hashing.next()
    if (step.done === true) return step.value
  }
}

/** The same, a few rows at a time, so that the process goes on with other things between them. */
export async function sqliteContentHashInTurns(database: DatabaseSync, tables?: readonly string[]): Promise<string> {
  const hashing = hashInSteps(database, tables)
  for (;;) {
    const step = hashing.next()
    if (step.done === true) return step.value
    await new Promise<void>((turn) => setImmediate(turn))
  }
}

function* hashInSteps(
  database: DatabaseSync,
  tables: readonly string[] = contentTables(database),
): Generator<void, string> {
  let sum = 0n
  for (const table of tables) sum += yield* sumOfRows(database, table)
  return BigInt.asUintN(128, sum).toString(16).padStart(32, '0')
}

function contentTables(database: DatabaseSync): string[] {
  return database
    .prepare(
      `SELECT name FROM pragma_table_list
        WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    .all()
    .map((row) => String(row['name']))
}

function* sumOfRows(database: DatabaseSync, table: string): Generator<void, bigint> {
  const columns = database
    .prepare('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0')
    .all(table)
    .map((row) => String(row['name']))
    .sort()
  if (columns.length === 0) throw new Error(`there is no table ${table}`)
  const statement = database.prepare(`SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(table)}`)
  statement.setReadBigInts(true)
  statement.setReturnArrays(true)
  const head = JSON.stringify([table, ...columns])
  // Four words of 32 bits, so that the inner loop adds plain numbers exactly.
  const sums = [0, 0, 0, 0]
  let total = 0n
  let rows = 0
  for (const row of statement.iterate() as unknown as Iterable<SQLOutputValue[]>) {
    const digest = hash('sha256', head + row.map(encoded).join(''), 'buffer')
    for (let word = 0; word < 4; word++) sums[word] = (sums[word] ?? 0) + digest.readUInt32BE(word * 4)
    if (++rows % safeRows === 0) total += drained(sums)
    if (rows % rowsOfTurn === 0) yield
  }
  return total + drained(sums)
}

/** About a millisecond's work. */
const rowsOfTurn = 128

/** So many 32-bit numbers add up to less than 2^53. */
const safeRows = 2 ** 20

function drained(sums: number[]): bigint {
  const total = sums.reduce((sum, word) => (sum << 32n) + BigInt(word), 0n)
  sums.fill(0)
  return total
}

/** Kind, length and value, so that no two different rows read the same. */
function encoded(value: SQLOutputValue): string {
  if (value === null) return 'n;'
  if (typeof value === 'bigint') return `i${value};`
  if (typeof value === 'number') return `r${Object.is(value, -0) ? '-0' : value};`
  if (typeof value === 'string') return `t${value.length}:${value}`
  return `b${value.length}:${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
