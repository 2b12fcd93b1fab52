/** The content hash tells any two contents apart, and nothing else (R3). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert, constant, double, integer, nat, oneof, property, string, tuple, uint8Array } from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import type { SqlValue } from '#processors/ports/table-store.ts'

const table = 'CREATE TABLE rows (a, b)'
const value = oneof(
  constant(null),
  integer(),
  double({ noNaN: true }),
  string({ unit: 'binary' }),
  uint8Array({ maxLength: 5 }),
)

function hashOf(rows: readonly SqlValue[][], schema: readonly string[] = [table]): string {
  const store = openSqliteTableStore({ path: ':memory:', schema })
  for (const [a = null, b = null] of rows) store.run('INSERT INTO rows (a, b) VALUES (?, ?)', a, b)
  const hash = store.contentHash()
  store.close()
  return hash
}

test('the order of rows, of columns and of the schema does not matter', () => {
  assert(
    property(array(tuple(value, value)), nat(), (rows, seed) => {
      const shuffled = rows.map((row, index) => ({ row, at: (index * 7919 + seed) % 101 })).sort((x, y) => x.at - y.at)
      const turned = ['CREATE TABLE other (c)', 'CREATE TABLE rows (b, a)']
      expect(
        hashOf(
          shuffled.map(({ row }) => row),
          turned,
        ),
      ).toBe(hashOf(rows))
    }),
    { numRuns: 30 },
  )
})

test('any other row, kind of value, place of a value or number of rows gives another hash', () => {
  const hashes = [
    hashOf([]),
    hashOf([[1, 2]]),
    hashOf([[2, 1]]),
    hashOf([
      [1, 2],
      [1, 2],
    ]),
    hashOf([['1', 2]]),
    hashOf([[1.5, 2]]),
    hashOf([[null, 2]]),
    hashOf([['', 2]]),
    hashOf([[new Uint8Array([1]), 2]]),
    hashOf([['a;t1:b', 'c']]),
    hashOf([['a', 'b;t1:c']]),
    hashOf([[2n ** 60n, 2]]),
    hashOf([[2n ** 60n + 1n, 2]]),
    hashOf([[1, 2]], ['CREATE TABLE rows (a, b, c)']),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(hashOf([])).toBe('0'.repeat(32))
})

test('a full-text index counts by its rows and not by how its segments lie', () => {
  const fill = (words: readonly string[], optimize: boolean): string => {
    const schema = ['CREATE VIRTUAL TABLE texts USING fts5(text)']
    const store = openSqliteTableStore({ path: ':memory:', schema })
    for (const word of words) store.run('INSERT INTO texts (text) VALUES (?)', word)
    if (optimize) store.run("INSERT INTO texts (texts) VALUES ('optimize')")
    const hash = store.contentHash()
    store.close()
    return hash
  }
  const words = Array.from({ length: 200 }, (_, n) => `word ${n}`)
  expect(fill(words, true)).toBe(fill(words.toReversed(), false))
  expect(fill(words, true)).not.toBe(fill(words.slice(1), true))
})

test('of some tables is the sum over them, and a table that is not there is an error', () => {
  const store = openSqliteTableStore({ path: ':memory:', schema: ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'] })
  store.run('INSERT INTO a VALUES (1)')
  const onlyA = store.contentHash(['a'])
  store.run('INSERT INTO b VALUES (1)')
  expect(store.contentHash(['a'])).toBe(onlyA)
  expect(store.contentHash(['b'])).not.toBe(onlyA)
  expect(BigInt(`0x${store.contentHash()}`)).toBe(
    BigInt.asUintN(128, BigInt(`0x${onlyA}`) + BigInt(`0x${store.contentHash(['b'])}`)),
  )
  expect(() => store.contentHash(['c'])).toThrow('no table c')
  store.close()
})

test('of 100,000 rows leaves the process free to answer, and is of the moment it began', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-hash-'))
  const store = openSqliteTableStore({
    path: join(folder, 'a.sqlite'),
    schema: ['CREATE TABLE IF NOT EXISTS a (n INTEGER PRIMARY KEY, t TEXT NOT NULL)'],
  })
  onTestFinished(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  store.transaction(() => {
    for (let n = 0; n < 100_000; n += 1) store.run('INSERT INTO a VALUES (?, ?)', n, `row ${n}`)
  })
  const whole = store.contentHash(['a'])
  let turns = 0
  let over = false
  const hashing = store.contentHashAside(['a'], 'SELECT count(*) AS n FROM a').finally(() => (over = true))
  store.run('DELETE FROM a WHERE n = 0')
  while (!over) {
    turns += 1
    await new Promise<void>((turn) => setImmediate(turn))
  }
  expect(await hashing).toMatchObject({ hash: whole, rows: [{ n: 100_000 }] })
  expect(turns).toBeGreaterThan(500)
  expect(store.contentHash(['a'])).not.toBe(whole)
})
