/** The warehouse store on real files: commits, kills, full disks, and who may open the file. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import type { ColumnStore } from '#processors/ports/column-store.ts'
import { numberedTables } from '#test/crash/duckdb-writer.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'
import { addNumbers, at, countOf, everyKind, failure, openSampleStore } from './sample-tables.ts'

let folder: string
let path: string
let store: ColumnStore

const add = (from: number, rows: number) => addNumbers(store, from, rows)
const count = (table?: string) => countOf(store, table)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-duckdb-'))
  path = join(folder, 'store.duckdb')
  store = await openSampleStore(path)
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})
const reopen = async (): Promise<void> => {
  await store.close()
  store = await openSampleStore(path)
}

describe('a commit', () => {
  test('makes rows and checkpoints visible together, the last of each partition', async () => {
    await store.append('numbers', [[1, 2, 3]], 3)
    expect([await count(), await store.checkpoints()]).toEqual([0, []])
    await store.commit([...at(3), ...at(1, 1)])
    await store.commit(at(4))
    await store.commit([])
    await reopen()
    expect([await count(), await store.checkpoints()]).toEqual([3, [...at(4), ...at(1, 1)]])
    await add(4, 1)
    await reopen()
    expect([await count(), await store.checkpoints()]).toEqual([4, [...at(5), ...at(1, 1)]])
  })

  test('keeps no checkpoint that no longer counts for ever', async () => {
    for (let n = 1; n <= 20; n++) await store.commit(at(n))
    await reopen()
    expect(await count('checkpoint_log')).toBe(1)
    expect(await store.checkpoints()).toEqual(at(20))
  })

  test('that was rolled back leaves nothing, neither now nor in the next one', async () => {
    await store.append('numbers', [Array.from({ length: 3000 }, (_, n) => n)], 3000)
    await store.rollback()
    await add(0, 1)
    expect(await count()).toBe(1)
    await store.append('numbers', [[5]], 1)
    await reopen()
    expect(await count()).toBe(1)
  })

  test('killed at any moment is there whole or not at all, with its checkpoint', async () => {
    await store.close()
    for (let round = 0; round < 5; round++) {
      await runAndKill(import.meta.resolve('#test/crash/duckdb-writer.ts'), [path], randomMs(300))
    }
    store = await openDuckdbColumnStore({ path })
    await store.define(numberedTables, [])
    const next = (await store.checkpoints())[0]?.next ?? 0
    expect(next).toBeGreaterThan(0)
    for (const table of ['one', 'two']) {
      const [row] = await store.query(`SELECT count(*) AS n, count(DISTINCT n) AS d, max(n) + 1 AS last FROM ${table}`)
      expect(row).toEqual({ n: next, d: next, last: next })
    }
  })
})

describe('a full disk', () => {
  test('stalls the store, which goes on by itself once there is room', async ({ skip }) => {
    const disk = mountSmallDisk(20 * 1024)
    if (disk === undefined) return skip('a tmpfs can only be mounted by root')
    const small = await openDuckdbColumnStore({ path: join(disk.folder, 'store.duckdb') })
    try {
      await small.define([everyKind], [])
      const texts = Array.from({ length: 2000 }, (_, n) => `${n} ${Math.random()}`.repeat(20))
      const columns = everyKind.columns.map(({ name }) => (name === 'text' ? texts : texts.map(() => null)))
      let next = 0
      let failed = 0
      const fold = async (): Promise<boolean> => {
        try {
          await small.append('every_kind', columns, 2000)
          await small.commit(at(next + 1))
          next++
          return true
        } catch (error) {
          failed++
          expect(error).toEqual(failure('store.stalled'))
          await small.rollback().catch(() => undefined)
          return false
        }
      }
      while (await fold());
      expect(next).toBeGreaterThan(0)
      // A checkpoint that fails on a full disk makes DuckDB unusable until it is opened again.
      disk.fill()
      await expect(small.snapshot(join(folder, 'snapshot.duckdb'))).rejects.toThrow(failure('store.stalled'))
      disk.free()
      rmSync(join(folder, 'snapshot.duckdb'), { force: true })
      spawnSync('mount', ['-o', 'remount,size=200m', disk.folder])
      next = (await small.checkpoints())[0]?.next ?? 0
      expect(await fold()).toBe(true)
      expect(await small.query('SELECT count(*) AS n FROM every_kind')).toEqual([{ n: next * 2000 }])
      expect(await small.checkpoints()).toEqual(at(next))
      expect(failed).toBe(1)
    } finally {
      await small.close()
      disk.unmount()
    }
  })

  test('in the middle of working the log into the file folds nothing twice', async ({ skip }) => {
    const disk = mountSmallDisk(5 * 1024)
    if (disk === undefined) return skip('a tmpfs can only be mounted by root')
    const small = await openDuckdbColumnStore({ path: join(disk.folder, 'store.duckdb'), checkpointAt: '3MB' })
    try {
      await small.define([everyKind], [])
      const columnsOf = (): (string | null)[][] => {
        const texts = Array.from({ length: 500 }, () => randomBytes(300).toString('base64'))
        return everyKind.columns.map(({ name }) => (name === 'text' ? texts : texts.map(() => null)))
      }
      let failures = 0
      for (let next = 1; next <= 20; next++) {
        await small.append('every_kind', columnsOf(), 500)
        try {
          await small.commit(at(next))
        } catch (error) {
          expect(error).toEqual(failure('store.stalled'))
          failures++
          await small.rollback().catch(() => undefined)
          spawnSync('mount', ['-o', 'remount,size=200m', disk.folder])
          next--
        }
      }
      expect(failures).toBe(1)
      expect(await small.query('SELECT count(*) AS n FROM every_kind')).toEqual([{ n: 20 * 500 }])
      expect(await small.checkpoints()).toEqual(at(20))
    } finally {
      await small.close()
      disk.unmount()
    }
  })
})

describe('the file', () => {
  test('opens once: not here again, and not in another process', async () => {
    await expect(openDuckdbColumnStore({ path })).rejects.toThrow(failure('store.locked'))
    await expect(openDuckdbColumnStore({ path: join(folder, '.', 'store.duckdb') })).rejects.toThrow(
      failure('store.locked'),
    )
    await add(0, 1)
    const child = spawnSync(
      process.execPath,
      [new URL(import.meta.resolve('#test/crash/duckdb-writer.ts')).pathname, path],
      {
        encoding: 'utf8',
      },
    )
    expect(child.stderr).toContain('store.locked')
  })

  test('is free for others as soon as the store is closed', async () => {
    await add(0, 5000)
    await store.append('numbers', [[1]], 1)
    await store.close()
    await store.close()
    expect(existsSync(`${path}.wal`)).toBe(false)
    await runAndKill(import.meta.resolve('#test/crash/duckdb-writer.ts'), [path], 0)
    await expect(store.query('SELECT 1')).rejects.toThrow('closed')
  })

  test('closes while a query is under way, which is told so', async () => {
    const endless = store.query('SELECT count(*) FROM range(100000000000) AS a(i) WHERE i % 7 = 3')
    const told = endless.catch((error: unknown) => error)
    await nextTurn()
    await store.close()
    expect(await told).toEqual(failure('query.stopped'))
  })

  test('that is no database asks for a rebuild', async () => {
    const broken = join(folder, 'broken.duckdb')
    writeFileSync(broken, 'not a database, but long enough to have a header'.repeat(200))
    await expect(openDuckdbColumnStore({ path: broken })).rejects.toThrow(failure('store.rebuild-required'))
  })
})
