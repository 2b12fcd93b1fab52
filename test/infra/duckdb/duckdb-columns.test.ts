/** Values of every kind, on their way into a column and out of a query. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ColumnStore } from '#processors/ports/column-store.ts'
import { addNumbers, at, countOf, everyKind, failure, openSampleStore } from './sample-tables.ts'

const add = (from: number, rows: number) => addNumbers(store, from, rows)
const count = (table?: string) => countOf(store, table)

let store: ColumnStore

beforeEach(async () => {
  store = await openSampleStore()
})
afterEach(() => store.close())

describe('values', () => {
  test('of every kind come back as they went in, over more rows than a chunk has', async () => {
    const rows = 5000
    const big = 2n ** 62n
    const column = <T>(one: T): T[] => Array.from({ length: rows }, () => one)
    const columns = [
      column('a\0b ☃ 𝄞 and more than twelve bytes'),
      column(-5),
      column(big),
      column(0.1),
      column(true),
      column(Date.UTC(2026, 0, 2, 3, 4, 5, 6)),
      column('{"a":[1,null]}'),
      column(new Uint8Array([0, 255])),
    ]
    await store.append('every_kind', columns, rows)
    await store.append(
      'every_kind',
      everyKind.columns.map(() => [null]),
      1,
    )
    await store.commit(at(1))
    const found = await store.query('SELECT *, count(*) AS n FROM every_kind GROUP BY ALL ORDER BY n')
    const [none, all] = found
    expect(Object.values(none ?? {})).toEqual([...everyKind.columns.map(() => null), 1])
    expect(all).toEqual({
      text: 'a\0b ☃ 𝄞 and more than twelve bytes',
      Source: -5,
      amount: big,
      ratio: 0.1,
      yes: true,
      time: new Date('2026-01-02T03:04:05.006Z'),
      data: '{"a":[1,null]}',
      raw: Buffer.from([0, 255]),
      n: rows,
    })
  })

  test('with a lone surrogate carry the replacement character in its place', async () => {
    await store.append('every_kind', [['a\ud800b'], ...everyKind.columns.slice(1).map(() => [null])], 1)
    await store.commit(at(1))
    expect(await store.query('SELECT text FROM every_kind')).toEqual([{ text: 'a\ufffdb' }])
  })

  test.for([
    ['2026-01-02T03:04:05.006Z', '2026-01-02T03:04:05.006Z'],
    ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05.000Z'],
    ['2026-01-02T03:04:05', '2026-01-02T03:04:05.000Z'],
    [-1, '1969-12-31T23:59:59.999Z'],
    [8.64e15, '+275760-09-13T00:00:00.000Z'],
  ] as const)('name a time by %j', async ([given, expected]) => {
    const columns = everyKind.columns.map(({ kind }) => [kind === 'timestamp' ? given : null])
    await store.append('every_kind', columns, 1)
    await store.commit(at(1))
    expect(await store.query('SELECT time FROM every_kind')).toEqual([{ time: new Date(expected) }])
  })

  test.for([
    ['text', 5],
    ['Source', 2 ** 31],
    ['Source', 1.5],
    ['amount', 2 ** 60],
    ['amount', 2n ** 63n],
    ['amount', '5'],
    ['ratio', '1'],
    ['yes', 1],
    ['time', 'yesterday'],
    ['time', NaN],
    ['data', 5],
    ['raw', 'x'],
  ] as const)('that a column cannot hold are refused by name: %s = %s', async ([name, value]) => {
    const columns = everyKind.columns.map((column) => [null, column.name === name ? value : null])
    await expect(store.append('every_kind', columns, 2)).rejects.toThrow(failure('event.undecodable'))
    await expect(store.append('every_kind', columns, 2)).rejects.toThrow('rolled back')
    await store.rollback()
    await add(0, 1)
    expect([await count('every_kind'), await count()]).toEqual([0, 1])
  })

  test('that have to be there are missed before the commit', async () => {
    await expect(store.append('numbers', [[1, null]], 2)).rejects.toThrow('numbers.n, row 1')
    await store.rollback()
  })

  test('go into a query with their types', async () => {
    const sql = `SELECT typeof($1) AS a, typeof($2) AS b, typeof($3) AS c, typeof($4) AS d, typeof($5) AS e, $6 IS NULL AS f`
    const [row] = await store.query(sql, [1, 1.5, 'x', true, new Date(), null])
    expect(row).toEqual({ a: 'BIGINT', b: 'DOUBLE', c: 'VARCHAR', d: 'BOOLEAN', e: 'TIMESTAMP', f: true })
    expect(await store.query('SELECT [1, 2] AS list, {a: 1::BIGINT} AS struct, 1::HUGEINT << 70 AS big')).toEqual([
      { list: [1, 2], struct: { a: 1 }, big: 2n ** 70n },
    ])
  })
})
