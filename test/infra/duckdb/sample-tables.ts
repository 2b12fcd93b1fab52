/** Tables the tests of the column store fill: one with a column of every kind, and one of numbers. */
import { expect } from 'vitest'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import type { ColumnStore, TableDefinition } from '#processors/ports/column-store.ts'

export const everyKind: TableDefinition = {
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
export const numbers: TableDefinition = { name: 'numbers', columns: [{ name: 'n', kind: 'long', nullable: false }] }

export function at(next: number, partition = 0): Parameters<ColumnStore['commit']>[0] {
  return [{ topic: 'runs.v1', partition, next, lastId: `event ${next - 1}` }]
}

/** A store with both. */
export async function openSampleStore(path = ':memory:'): Promise<ColumnStore> {
  const store = await openDuckdbColumnStore({ path })
  await store.define([everyKind, numbers], [])
  return store
}

/** Appends the numbers from `from` on and commits behind them. */
export async function addNumbers(store: ColumnStore, from: number, rows: number): Promise<void> {
  await store.append('numbers', [Array.from({ length: rows }, (_, index) => from + index)], rows)
  await store.commit(at(from + rows))
}

export async function countOf(store: ColumnStore, table = 'numbers'): Promise<unknown> {
  return (await store.query(`SELECT count(*) AS n FROM ${table}`))[0]?.['n']
}

export function failure(code: string): unknown {
  return expect.objectContaining({ code })
}
