/** Tables that are never altered, and views that stand on each other. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import type { ColumnStore, TableDefinition } from '#processors/ports/column-store.ts'

const everyKind: TableDefinition = {
  name: 'every_kind',
  columns: [
    { name: 'text', kind: 'string', nullable: true, comment: "What's said." },
    { name: 'Source', kind: 'int', nullable: true },
    { name: 'amount', kind: 'long', nullable: true },
    { name: 'ratio', kind: 'double', nullable: true },
    { name: 'yes', kind: 'boolean', nullable: true },
    { name: 'time', kind: 'timestamp', nullable: true },
    { name: 'data', kind: 'json', nullable: true },
    { name: 'raw', kind: 'bytes', nullable: true },
  ],
}
const numbers: TableDefinition = { name: 'numbers', columns: [{ name: 'n', kind: 'long', nullable: false }] }
const at = (next: number): Parameters<ColumnStore['commit']>[0] => [
  { topic: 'runs.v1', partition: 0, next, lastId: `event ${next - 1}` },
]
const failure = (code: string): unknown => expect.objectContaining({ code })
const add = async (from: number, rows: number): Promise<void> => {
  await store.append('numbers', [Array.from({ length: rows }, (_, index) => from + index)], rows)
  await store.commit(at(from + rows))
}

let store: ColumnStore

beforeEach(async () => {
  store = await openDuckdbColumnStore({ path: ':memory:' })
  await store.define([everyKind, numbers], [])
})
afterEach(() => store.close())

describe('tables and views', () => {
  test('stand as they were defined, the views in any order, and can be defined again', async () => {
    const views = [
      { name: 'b', sql: 'SELECT n + 1 AS n FROM a;\n' },
      { name: 'a', sql: 'SELECT n FROM numbers -- all of them' },
    ]
    await store.define([numbers], views)
    await add(1, 1)
    await store.define([numbers], [{ name: 'a', sql: 'SELECT n * 10 AS n FROM numbers' }])
    expect(await store.query('SELECT * FROM b')).toEqual([{ n: 11 }])
    const [comment] = await store.query(`SELECT comment FROM duckdb_columns() WHERE column_name = 'text'`)
    expect(comment).toEqual({ comment: "What's said." })
  })

  test('that differ from what is there ask for a rebuild, and nothing is altered', async () => {
    const columns = [...numbers.columns, { name: 'more', kind: 'string', nullable: true }] as const
    await expect(store.define([{ ...numbers, columns }], [])).rejects.toThrow(failure('store.rebuild-required'))
    const nullable = [{ name: 'n', kind: 'long', nullable: true }] as const
    await expect(store.define([{ ...numbers, columns: nullable }], [])).rejects.toThrow('no column n BIGINT')
    await expect(store.define([{ ...everyKind, columns: everyKind.columns.toReversed() }], [])).rejects.toThrow('order')
    await add(0, 1)
  })

  test('that make no sense are named', async () => {
    await expect(store.define([], [{ name: 'broken', sql: 'SELECT * FROM nowhere' }])).rejects.toThrow('view broken')
  })
})
