/** Snapshots of a store that goes on: files that stand by themselves. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ColumnStore } from '#processors/ports/column-store.ts'
import { addNumbers, at, countOf, numbers, openSampleStore } from './sample-tables.ts'

let folder: string
let path: string
let store: ColumnStore

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-duckdb-'))
  path = join(folder, 'store.duckdb')
  store = await openSampleStore(path)
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

describe('a snapshot', () => {
  const openElsewhere = (file: string, sql: string): unknown => {
    const program = `
      import { DuckDBInstance } from '@duckdb/node-api'
      const instance = await DuckDBInstance.create(${JSON.stringify(file)}, { access_mode: 'READ_ONLY' })
      const result = await (await instance.connect()).runAndReadAll(${JSON.stringify(sql)})
      console.log(JSON.stringify(result.getRowsJson()))`
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    return child.status === 0 ? JSON.parse(child.stdout) : child.stderr
  }

  test('stands by itself with its views and checkpoints, while the store goes on', async () => {
    await store.define([numbers], [{ name: 'double', sql: 'SELECT 2 * n AS n FROM numbers' }])
    await addNumbers(store, 0, 10)
    const file = join(folder, 'snapshot.duckdb')
    expect(await store.snapshot(file)).toEqual(at(10))
    await addNumbers(store, 10, 5)
    expect(existsSync(`${file}.wal`)).toBe(false)
    const sql = 'SELECT (SELECT max(n) FROM double), next, last_id FROM checkpoints'
    expect(openElsewhere(file, sql)).toEqual([['18', '10', 'event 9']])
    expect(openElsewhere(path, 'SELECT 1')).toContain('Could not set lock')
    await expect(store.snapshot(file)).rejects.toThrow('there already')
  })

  test('taken within a transaction holds what was committed before it', async () => {
    await addNumbers(store, 0, 10)
    await store.append('numbers', [[99]], 1)
    const file = join(folder, 'snapshot.duckdb')
    expect(await store.snapshot(file)).toEqual(at(10))
    expect(existsSync(`${file}.wal`)).toBe(false)
    expect(openElsewhere(file, 'SELECT count(*), max(n) FROM numbers')).toEqual([['10', '9']])
    await store.commit(at(11))
    expect(await countOf(store)).toBe(11)
  })

  test('taken while a query runs waits for neither', async () => {
    await addNumbers(store, 0, 10)
    const slow = store.query('SELECT count(*) AS n FROM range(100000000) AS a(i) WHERE i % 7 = 3')
    const running = store.snapshot(join(folder, 'snapshot.duckdb'))
    expect((await slow)[0]).toEqual({ n: 14285714 })
    expect(await running).toEqual(at(10))
  })
})
