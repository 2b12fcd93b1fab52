/** Snapshots for foreign SQL: when one is reused, renewed and removed. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clock } from '#processors/ports/clock.ts'
import { openSql } from '#processors/warehouse/sql.query.ts'
import type { SqlQueries } from '#processors/warehouse/sql.query.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-sql-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const partition = { topic: 'runs.v1', partition: 0 }

/** A warehouse whose snapshots take time by a clock that is moved by hand, and a sandbox that says what file it was given. */
function world() {
  let now = 0
  let next = 0
  let snapshots = 0
  let fails = false
  const held: (() => void)[] = []
  let hold = false
  const clock = { monotonic: () => now } as unknown as Clock
  const columns = {
    query: async () => [],
    async snapshot(path: string) {
      snapshots += 1
      const at = next
      writeFileSync(path, 'x')
      if (hold) await new Promise<void>((resolve) => held.push(resolve))
      if (fails) throw new Error('no room')
      now += 100
      return [{ ...partition, next: at, lastId: '' }]
    },
  }
  const reading: (() => void)[] = []
  let slow = false
  const sandbox = {
    async run(database: string) {
      if (slow) await new Promise<void>((resolve) => reading.push(resolve))
      return { columns: [], rows: [[existsSync(database)]], truncated: false }
    },
    close: async () => {},
  }
  const store = {
    name: 'warehouse',
    query: (ask: (reads: typeof columns) => unknown) => ask(columns),
    next: () => next,
    reached: async () => true,
  }
  const sql: SqlQueries = openSql({
    warehouse: () => store as never,
    openSandbox: async () => sandbox,
    scratch: () => folder,
    partitions: [partition],
    clock,
  })
  return {
    sql,
    ask: async (from?: number) =>
      (await sql.ask('SELECT 1', from === undefined ? {} : { from: [{ ...partition, offset: from }] })).checkpoints[0]
        ?.next,
    later: (ms: number) => void (now += ms),
    fold: (to: number) => void (next = to),
    snapshots: () => snapshots,
    breakDisk: (broken: boolean) => void (fails = broken),
    holdSnapshots: (on: boolean) => void (hold = on),
    finishSnapshots: () => held.splice(0).forEach((go) => go()),
    holdReaders: (on: boolean) => void (slow = on),
    finishReaders: () => reading.splice(0).forEach((go) => go()),
    readers: () => reading.length,
  }
}

test('one snapshot does while the warehouse stands still, however long', async () => {
  const { ask, later, fold, snapshots } = world()
  fold(7)
  for (let count = 0; count < 5; count += 1) {
    expect(await ask()).toBe(7)
    later(1e9)
  }
  expect(snapshots()).toBe(1)
})

test('while it moves, one is made at most every ten times as long as that takes; a position is never waited for', async () => {
  const { ask, later, fold, snapshots } = world()
  fold(1)
  expect(await ask()).toBe(1)
  fold(2)
  later(900)
  expect(await ask()).toBe(1)
  expect(await ask(1)).toBe(2)
  expect(snapshots()).toBe(2)
  fold(3)
  later(1100)
  expect(await ask()).toBe(3)
})

test('questions that come while one is made share it, but for those that need a later one', async () => {
  const { ask, fold, snapshots, holdSnapshots, finishSnapshots } = world()
  fold(1)
  holdSnapshots(true)
  const early = ask()
  const sharing = ask()
  fold(2)
  const later = ask(1)
  holdSnapshots(false)
  finishSnapshots()
  expect(await Promise.all([early, sharing, later])).toEqual([1, 1, 2])
  expect(snapshots()).toBe(2)
})

test('a snapshot that is read from stays until the last reader is done, and no longer', async () => {
  const { ask, fold, later, holdReaders, finishReaders, sql, readers } = world()
  fold(1)
  holdReaders(true)
  const reading = sql.ask('SELECT 1', {})
  while (readers() === 0) await new Promise((resolve) => setImmediate(resolve))
  holdReaders(false)
  fold(2)
  later(1e6)
  expect(await ask()).toBe(2)
  expect(readdirSync(folder)).toHaveLength(2)
  finishReaders()
  expect((await reading).rows).toEqual([[true]])
  expect(readdirSync(folder)).toHaveLength(1)
  await sql.close()
  expect(readdirSync(folder)).toEqual([])
})

test('a snapshot that fails leaves nothing, and the next question tries again', async () => {
  const { ask, breakDisk } = world()
  breakDisk(true)
  await expect(ask()).rejects.toThrow('no room')
  expect(readdirSync(folder)).toEqual([])
  breakDisk(false)
  expect(await ask()).toBe(0)
})
