import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import type { ColumnStore, TableDefinition } from '#processors/ports/column-store.ts'
import { numberedTables } from '#test/crash/duckdb-writer.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'

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

let folder: string
let path: string
let store: ColumnStore

const at = (next: number, partition = 0): Parameters<ColumnStore['commit']>[0] => [
  { topic: 'runs.v1', partition, next, lastId: `event ${next - 1}` },
]
const add = async (from: number, rows: number): Promise<void> => {
  await store.append('numbers', [Array.from({ length: rows }, (_, index) => from + index)], rows)
  await store.commit(at(from + rows))
}
const count = async (table = 'numbers'): Promise<unknown> =>
  (await store.query(`SELECT count(*) AS n FROM ${table}`))[0]?.['n']
const failure = (code: string): unknown => expect.objectContaining({ code })

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-duckdb-'))
  path = join(folder, 'store.duckdb')
  store = await openDuckdbColumnStore({ path })
  await store.define([everyKind, numbers], [])
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})
const reopen = async (): Promise<void> => {
  await store.close()
  store = await openDuckdbColumnStore({ path })
  await store.define([everyKind, numbers], [])
}

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
    await reopen()
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

describe('the content hash', () => {
  const fill = async (rows: readonly (readonly [string | null, number | null])[], turned = false): Promise<string> => {
    const columns = [
      { name: 'a', kind: 'string', nullable: true },
      { name: 'b', kind: 'double', nullable: true },
    ] as const
    const other = await openDuckdbColumnStore({ path: ':memory:' })
    await other.define([{ name: 'rows', columns: turned ? columns.toReversed() : columns }], [])
    for (const [a, b] of rows) {
      await other.append('rows', turned ? [[b], [a]] : [[a], [b]], 1)
      await other.commit(at(Math.floor(Math.random() * 100)))
    }
    const { hash } = await other.contentHash()
    expect(await other.contentHash(['rows'])).toEqual({ hash, checkpoints: await other.checkpoints() })
    await other.close()
    return hash
  }

  test('is the same for the same rows in another order, with other checkpoints, in columns declared otherwise', async () => {
    const rows = Array.from({ length: 50 }, (_, n) => [`${n}`, n / 3] as const)
    expect(await fill(rows.toReversed(), true)).toBe(await fill(rows))
  })

  test('differs for any other row, and is zero for none', async () => {
    const one = ['1', 2] as const
    const hashes = await Promise.all([
      fill([one]),
      fill([one, one]),
      fill([['2', 1]]),
      fill([[null, 2]]),
      fill([['', 2]]),
      fill([['null', 2]]),
      fill([['1","2', 2]]),
      fill([['1', -0]]),
      fill([['1', 0]]),
      fill([['1', NaN]]),
      fill([['1', null]]),
      fill([]),
    ])
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashes.at(-1)).toBe('0'.repeat(32))
  })
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
    await add(0, 10)
    const file = join(folder, 'snapshot.duckdb')
    expect(await store.snapshot(file)).toEqual(at(10))
    await add(10, 5)
    expect(existsSync(`${file}.wal`)).toBe(false)
    const sql = 'SELECT (SELECT max(n) FROM double), next, last_id FROM checkpoints'
    expect(openElsewhere(file, sql)).toEqual([['18', '10', 'event 9']])
    expect(openElsewhere(path, 'SELECT 1')).toContain('Could not set lock')
    await expect(store.snapshot(file)).rejects.toThrow('there already')
  })

  test('taken within a transaction holds what was committed before it', async () => {
    await add(0, 10)
    await store.append('numbers', [[99]], 1)
    const file = join(folder, 'snapshot.duckdb')
    expect(await store.snapshot(file)).toEqual(at(10))
    expect(existsSync(`${file}.wal`)).toBe(false)
    expect(openElsewhere(file, 'SELECT count(*), max(n) FROM numbers')).toEqual([['10', '9']])
    await store.commit(at(11))
    expect(await count()).toBe(11)
  })

  test('taken while a query runs waits for neither', async () => {
    await add(0, 10)
    const slow = store.query('SELECT count(*) AS n FROM range(100000000) AS a(i) WHERE i % 7 = 3')
    const running = store.snapshot(join(folder, 'snapshot.duckdb'))
    expect((await slow)[0]).toEqual({ n: 14285714 })
    expect(await running).toEqual(at(10))
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
