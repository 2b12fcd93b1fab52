/** The table store on real files: transactions, kills, a full disk, readers beside the writer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'

const counting = [
  'CREATE TABLE IF NOT EXISTS one (id INTEGER PRIMARY KEY, text TEXT)',
  'CREATE TABLE IF NOT EXISTS two (id INTEGER PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS checkpoints (partition INTEGER PRIMARY KEY, next INTEGER)',
]
const insert = 'INSERT INTO one VALUES (?, ?)'
const countOfOne = 'SELECT count(*) AS n FROM one'

let folder: string
let path: string
let store: TableStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-sqlite-'))
  path = join(folder, 'store.sqlite')
  store = openSqliteTableStore({ path, schema: counting })
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true })
})

describe('a transaction', () => {
  test('is kept as a whole, and still there when the store is opened again', () => {
    expect(store.transaction(() => store.run(insert, 1, 'a') + store.run(insert, 2, 'b'))).toBe(2)
    store.close()
    store = openSqliteTableStore({ path, schema: counting })
    expect(store.all('SELECT * FROM one ORDER BY id')).toEqual([
      { id: 1, text: 'a' },
      { id: 2, text: 'b' },
    ])
  })

  test('leaves nothing behind when its work throws', () => {
    const work = (): void => {
      store.run(insert, 1, 'a')
      throw new Error('no')
    }
    expect(() => store.transaction(work)).toThrow('no')
    expect(store.get(countOfOne)).toEqual({ n: 0 })
    store.transaction(() => store.run(insert, 1, 'b'))
    expect(store.get(countOfOne)).toEqual({ n: 1 })
  })

  test('refuses work that goes on after it', () => {
    expect(() => store.transaction(async () => store.run(insert, 1, 'a'))).toThrow('synchronous')
    expect(store.get(countOfOne)).toEqual({ n: 0 })
  })

  test('stalls on a full disk without a trace, and goes on once there is room', () => {
    const { page_count: pages } = store.get<{ page_count: number }>('PRAGMA page_count') ?? { page_count: 0 }
    store.get(`PRAGMA max_page_count = ${pages + 5}`)
    const fill = (): void => {
      for (let row = 0; row < 1000; row++) store.run(insert, row, 'x'.repeat(1000))
    }
    expect(() => store.transaction(fill)).toThrow(expect.objectContaining({ code: 'store.stalled' }))
    expect(store.get(countOfOne)).toEqual({ n: 0 })
    store.get('PRAGMA max_page_count = 100000')
    store.transaction(fill)
    expect(store.get(countOfOne)).toEqual({ n: 1000 })
  })

  test('names the store as locked while another connection writes', () => {
    const other = openSqliteTableStore({ path, busyTimeoutMs: 20 })
    store.transaction(() => {
      expect(() => other.transaction(() => 0)).toThrow(expect.objectContaining({ code: 'store.locked' }))
    })
    other.close()
  })

  test('killed at any moment is there whole or not at all, with its checkpoint', async () => {
    for (let round = 0; round < 5; round++) {
      await runAndKill(import.meta.resolve('#test/crash/sqlite-writer.ts'), [path], randomMs(150))
      const [one, two, checkpoint] = store.snapshot(() => [
        store.get<{ n: number; last: number }>('SELECT count(*) AS n, max(id) + 1 AS last FROM one'),
        store.get<{ n: number }>('SELECT count(*) AS n FROM two'),
        store.get<{ next: number }>('SELECT next FROM checkpoints'),
      ])
      expect(one?.n).toBeGreaterThan(0)
      expect([one?.last, two?.n, checkpoint?.next]).toEqual([one?.n, one?.n, one?.n])
      expect(store.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
    }
  })
})

describe('reading', () => {
  test('gives text with NUL and bytes back as they were, and lone surrogates as the replacement character', () => {
    store.run(insert, 1, 'a\0b ☃ 𝄞')
    store.run(insert, 2, 'a\ud800b')
    store.run('INSERT INTO one VALUES (3, ?)', new Uint8Array([0, 255]))
    expect(store.all('SELECT text FROM one ORDER BY id')).toEqual([
      { text: 'a\0b ☃ 𝄞' },
      { text: 'a\ufffdb' },
      { text: new Uint8Array([0, 255]) },
    ])
  })

  test('goes on with its rows while the same statement runs again inside', () => {
    store.transaction(() => [1, 2, 3].forEach((id) => store.run(insert, id, 'a')))
    const seen: number[] = []
    for (const row of store.iterate<{ id: number }>('SELECT id FROM one ORDER BY id')) {
      seen.push(row.id)
      expect(store.all('SELECT id FROM one ORDER BY id')).toHaveLength(3)
      for (const first of store.iterate<{ id: number }>('SELECT id FROM one ORDER BY id')) {
        expect(first.id).toBe(1)
        break
      }
    }
    expect(seen).toEqual([1, 2, 3])
  })

  test('through more statements than are kept still works', () => {
    for (let n = 0; n < 600; n++) expect(store.get(`SELECT ${n} AS n`)).toEqual({ n })
  })

  test('in a snapshot does not see what another connection commits meanwhile', () => {
    store.run(insert, 1, 'a')
    const reader = openSqliteTableStore({ path, readOnly: true })
    reader.snapshot(() => {
      expect(reader.get(countOfOne)).toEqual({ n: 1 })
      store.run(insert, 2, 'b')
      expect(reader.get(countOfOne)).toEqual({ n: 1 })
    })
    expect(reader.get(countOfOne)).toEqual({ n: 2 })
    expect(() => reader.run(insert, 3, 'c')).toThrow(/readonly|cannot be written/)
    reader.close()
  })
})

describe('opening', () => {
  test('to read says when there is no store', () => {
    const missing = { path: join(folder, 'missing.sqlite'), readOnly: true }
    expect(() => openSqliteTableStore(missing)).toThrow(expect.objectContaining({ code: 'store.unknown' }))
  })

  test('asks for a rebuild when the file is no database', () => {
    const broken = join(folder, 'broken.sqlite')
    writeFileSync(broken, 'not a database, but long enough to have a header'.repeat(20))
    expect(() => openSqliteTableStore({ path: broken })).toThrow(
      expect.objectContaining({ code: 'store.rebuild-required' }),
    )
  })
})
