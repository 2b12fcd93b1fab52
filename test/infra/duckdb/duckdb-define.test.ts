/** Tables that are never altered, and views that stand on each other. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ColumnStore } from '#processors/ports/column-store.ts'
import { addNumbers, everyKind, failure, numbers, openSampleStore } from './sample-tables.ts'

const add = (from: number, rows: number) => addNumbers(store, from, rows)

let store: ColumnStore

beforeEach(async () => {
  store = await openSampleStore()
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
