/** Foreign SQL: what it may read, what it may not touch, and how it is ended. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import { openDuckdbSqlSandbox } from '#infra/duckdb/duckdb-sql-sandbox.ts'
import type { SqlSandbox } from '#processors/ports/sql-sandbox.ts'
import { eventually } from '#test/contracts/eventually.ts'

let folder: string
let database: string
let secret: string
let sandbox: SqlSandbox

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-sandbox-'))
  secret = join(folder, 'secret.csv')
  writeFileSync(secret, 'a,b\n1,2\n')
  database = join(folder, 'snapshot.duckdb')
  const store = await openDuckdbColumnStore({ path: join(folder, 'store.duckdb') })
  const columns = [
    { name: 'n', kind: 'long', nullable: false },
    { name: 'text', kind: 'string', nullable: true },
  ] as const
  await store.define([{ name: 'rows', columns }], [{ name: 'evens', sql: 'SELECT n FROM rows WHERE n % 2 = 0' }])
  const numbers = Array.from({ length: 5000 }, (_, n) => n)
  await store.append('rows', [numbers, numbers.map(() => null)], 5000)
  await store.commit([{ topic: 'runs.v1', partition: 0, next: 7, lastId: 'last' }])
  await store.snapshot(database)
  await store.close()
  sandbox = openDuckdbSqlSandbox({ processes: 1 })
})
afterAll(async () => {
  await sandbox.close()
  rmSync(folder, { recursive: true })
})

const ask = async (sql: string, options?: Parameters<SqlSandbox['run']>[2]): Promise<readonly (readonly unknown[])[]> =>
  (await sandbox.run(database, sql, options)).rows
const invalid = expect.objectContaining({ code: 'request.invalid' })
const stopped = expect.objectContaining({ code: 'query.stopped' })

test.for([
  'FROM duckdb_databases',
  'FROM "DuckDB_Databases"',
  'SELECT hex(path) FROM system.main.duckdb_databases()',
  'FROM duckdb_settings()',
  'SUMMARIZE duckdb_databases',
  'FROM pragma_database_list',
  'FROM pg_settings',
  "SELECT current_setting('allowed_paths')",
  "SELECT list_transform([1], lambda x: CURRENT_SETTING('allowed_paths'))",
  "FROM query('FROM duckdb_data' || 'bases')",
  "FROM query_table(['duckdb_data' || 'bases'])",
  "FROM histogram('duckdb_data' || 'bases', path)",
  "FROM json_execute_serialized_sql('{}')",
  'WITH a AS (FROM duckdb_databases) SELECT (SELECT max(path) FROM a)',
  'SELECT n FROM rows WHERE EXISTS (FROM duckdb_databases() WHERE path LIKE $$/%$$)',
  'FROM duckdb_logs',
  'FROM duckdb_extensions()',
  'FROM duckdb_secrets()',
  "FROM read_text('/etc/hostname')",
  'FROM enable_logging()',
  'PIVOT duckdb_databases ON path USING count(*)',
])('a query is not told of the machine: %s', async (sql) => {
  const refused = await ask(sql).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'request.invalid' })
  expect(JSON.stringify([(refused as Error).message, refused])).not.toContain(folder)
})

test.for(['FROM duckdb_tables()', 'FROM duckdb_columns', 'FROM range(3)', "FROM pragma_table_info('rows')"])(
  'a query may ask what tables there are: %s',
  async (sql) => {
    const rows = await ask(sql)
    expect(rows.length).toBeGreaterThan(0)
    expect(JSON.stringify(rows, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one))).not.toContain(
      folder,
    )
  },
)

test('a database that cannot be opened is not told by its path', async () => {
  const gone = join(folder, 'gone.duckdb')
  const refused = await sandbox.run(gone, 'SELECT 1').catch((error: unknown) => error as Error)
  expect(refused).toMatchObject({ code: 'request.invalid' })
  expect((refused as Error).message).not.toContain(folder)
})

describe('a query', () => {
  test('reads tables, views and where the snapshot stands', async () => {
    const sql = 'SELECT count(*) AS n, max(n), (SELECT next FROM checkpoints) AS next FROM evens'
    expect(await sandbox.run(database, sql)).toEqual({
      columns: [
        { name: 'n', type: 'BIGINT' },
        { name: 'max(n)', type: 'BIGINT' },
        { name: 'next', type: 'BIGINT' },
      ],
      rows: [[2500, 4998, 7]],
      truncated: false,
    })
  })

  test('gives values of all sorts, also under the same name', async () => {
    const sql = `SELECT 1 AS a, 'x' AS a, NULL, true, 1.5, DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05', [1, 2],
      {k: 'v'}, 'ab'::BLOB, 1::HUGEINT << 70`
    const [row] = await ask(sql)
    const [day, time] = [new Date('2026-01-02'), new Date('2026-01-02T03:04:05Z')]
    const bytes = new Uint8Array(Buffer.from('ab'))
    const expected = [1, 'x', null, true, 1.5, day, time, [1, 2], { k: 'v' }, bytes, 2n ** 70n]
    expect(row?.map((value) => (value instanceof Uint8Array ? new Uint8Array(value) : value))).toEqual(expected)
  })

  test('takes values', async () => {
    expect(await ask('SELECT n FROM rows WHERE n = $1 OR n = $2', { values: [3, 4] })).toEqual([[3], [4]])
    await expect(ask('SELECT n FROM rows WHERE n = ?')).rejects.toThrow(invalid)
  })

  test('is cut off at a number of rows or bytes, and says so', async () => {
    const few = await sandbox.run(database, 'SELECT n FROM rows ORDER BY n', { maxRows: 3 })
    expect(few).toMatchObject({ rows: [[0], [1], [2]], truncated: true })
    expect(await sandbox.run(database, 'SELECT n FROM evens', { maxRows: 2500 })).toMatchObject({ truncated: false })
    const wide = await sandbox.run(database, `SELECT repeat('x', 1000) FROM rows`, { maxBytes: 100_000 })
    expect(wide.truncated).toBe(true)
    expect(wide.rows.length).toBeLessThan(50)
  })

  test.for([
    'DESCRIBE rows',
    'SHOW TABLES',
    'SUMMARIZE rows',
    'FROM evens',
    'VALUES (1)',
    'WITH a AS (SELECT 1) FROM a',
  ])('may be %s', async (sql) => {
    expect((await ask(sql)).length).toBeGreaterThan(0)
  })

  test('with an error of its own gets to know it', async () => {
    await expect(ask('SELECT nothing FROM rows')).rejects.toThrow(/"nothing" not found/)
    await expect(ask('SELEC 1')).rejects.toThrow(/syntax error/)
    await expect(ask(`SELECT 'x'::INTEGER`)).rejects.toThrow(invalid)
    await expect(sandbox.run(join(folder, 'missing.duckdb'), 'SELECT 1')).rejects.toThrow(invalid)
  })
})

describe('what a query may not', () => {
  test.for(['', ' -- nothing', 'SELECT 1; SELECT 2', 'SELECT 1; DROP TABLE rows'])(
    '%j is not one statement',
    async (sql) => {
      await expect(ask(sql)).rejects.toThrow(invalid)
    },
  )

  test.for([
    'CREATE TABLE mine (n INTEGER)',
    'INSERT INTO rows VALUES (1, NULL)',
    'DELETE FROM rows',
    'DROP VIEW evens',
    'SET threads = 8',
    'SET lock_configuration = false',
    'PRAGMA enable_profiling',
    'CALL enable_logging()',
    'CHECKPOINT',
    'BEGIN',
    'INSTALL httpfs',
    'LOAD httpfs',
    `ATTACH ':memory:' AS other`,
    `PREPARE p AS SELECT 1`,
    `EXPLAIN ANALYZE SELECT 1`,
  ])('%s', async (sql) => {
    await expect(ask(sql)).rejects.toThrow(invalid)
  })

  test.for([
    (file: string) => `SELECT * FROM read_csv('${file}')`,
    (file: string) => `SELECT * FROM '${file}'`,
    (file: string) => `SELECT content FROM read_text('${file}')`,
    (file: string) => `SELECT content FROM read_blob('${file}')`,
    (file: string) => `SELECT * FROM glob('${file}')`,
    (file: string) => `SELECT * FROM sniff_csv('${file}')`,
    (file: string) => `SELECT * FROM parquet_metadata('${file}')`,
    (file: string) => `SELECT * FROM query('SELECT * FROM read_csv(''${file}'')')`,
    (file: string) => `SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM read_csv(''${file}'')'))`,
    (file: string) => `COPY rows TO '${file}.out'`,
    (file: string) => `ATTACH '${file}' AS other`,
    (file: string) => `FROM read_duckdb('${file.replace('secret.csv', 'store.duckdb')}', table_name = 'rows')`,
    () => `SELECT * FROM read_csv('https://localhost/x.csv')`,
    () => `SELECT getenv('PATH')`,
    () => `FROM duckdb_secrets()`,
  ])('touch another file, the network or the environment (%#)', async (sql) => {
    const before = readdirSync(folder)
    await expect(ask(sql(secret))).rejects.toThrow(invalid)
    expect(readdirSync(folder)).toEqual(before)
  })

  test('leave anything behind for the next one', async () => {
    for (const storage of [`storage := 'memory'`, `storage := 'file', storage_config := {'path': '${folder}/log'}`]) {
      await expect(ask(`FROM enable_logging('QueryLog', ${storage})`)).rejects.toThrow(invalid)
      expect(await ask('SELECT 1')).toEqual([[1]])
      expect(existsSync(join(folder, 'log'))).toBe(false)
    }
  })

  test('fill the disk when the memory is not enough', async () => {
    const small = openDuckdbSqlSandbox({ memoryLimit: '20MB' })
    const large =
      'SELECT max(b) FROM (SELECT range % 100000 AS a, string_agg(range::VARCHAR) AS b FROM range(5000000) GROUP BY 1)'
    await expect(small.run(database, large)).rejects.toThrow(/Out of Memory/)
    expect(readdirSync(folder).sort()).toEqual(['secret.csv', 'snapshot.duckdb', 'store.duckdb'])
    await small.close()
  })
})

describe('a query is killed', () => {
  const endless = 'SELECT count(*) FROM range(100000000000) AS a(i) WHERE i % 7 = 3'

  test('when it takes too long, and the next one is answered', async () => {
    const begun = performance.now()
    await expect(ask(endless, { timeoutMs: 300 })).rejects.toThrow(stopped)
    expect(performance.now() - begun).toBeLessThan(3_000)
    expect(await ask('SELECT 1')).toEqual([[1]])
  })

  test('when it takes too much memory, past what DuckDB counts', async () => {
    const small = openDuckdbSqlSandbox({ memoryLimit: '2GB', residentBytes: 300 * 1024 * 1024 })
    await expect(small.run(database, `SELECT length(repeat('x', 2000000000))`)).rejects.toThrow('memory')
    await small.close()
  })

  test('when nobody waits for it any more, also while it waits itself', async () => {
    const controller = new AbortController()
    const running = ask(endless, { signal: controller.signal })
    const waiting = ask('SELECT 1', { signal: controller.signal })
    const patient = ask('SELECT 2')
    const told = Promise.allSettled([running, waiting])
    controller.abort(new Error('gone'))
    expect((await told).map((one) => (one.status === 'rejected' ? String(one.reason) : one.value))).toEqual([
      'Error: gone',
      'Error: gone',
    ])
    expect(await patient).toEqual([[2]])
    await expect(ask('SELECT 1', { signal: controller.signal })).rejects.toThrow('gone')
  })

  test('while it waits behind another, within its own time', async () => {
    const running = ask(endless, { timeoutMs: 600 })
    await expect(ask('SELECT 1', { timeoutMs: 100 })).rejects.toThrow(stopped)
    await expect(running).rejects.toThrow(stopped)
  })

  test('with all others at the end', async () => {
    const other = openDuckdbSqlSandbox()
    const running = Promise.allSettled([other.run(database, endless), other.run(database, endless)])
    await other.close()
    for (const one of await running) expect(one).toEqual({ status: 'rejected', reason: stopped })
    await expect(other.run(database, 'SELECT 1')).rejects.toThrow(stopped)
  })
})

test('a child that is not needed any more ends by itself', async () => {
  const other = openDuckdbSqlSandbox({ idleMs: 50 })
  const before = children()
  await other.run(database, 'SELECT 1')
  await eventually('the child is gone', () => children().every((pid) => before.includes(pid)))
  expect((await other.run(database, 'SELECT 1')).rows).toEqual([[1]])
  await other.close()
})

function children(): string[] {
  return readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ')
}
