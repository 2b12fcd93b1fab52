/** `POST /v1/sql` over real HTTP. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving()
})
afterAll(() => server.close())

const ask = (sql: string, more: Record<string, unknown> = {}, at = ''): Promise<Answer> =>
  server.ask(`/v1/sql${at}`, { method: 'POST', body: { sql, ...more } })

test('a run is in the warehouse at its position', async () => {
  const { json } = await server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'in SQL', retrieval: false } })
  const answer = await ask(
    'SELECT run, seq FROM events WHERE run = ? AND type = ?',
    { values: [json.runId, 'task.submitted'] },
    `?at=${json.position}&wait=10000`,
  )
  expect(answer.status).toBe(200)
  expect(answer.json).toEqual({
    columns: [
      { name: 'run', type: 'VARCHAR' },
      { name: 'seq', type: expect.any(String) },
    ],
    rows: [[json.runId, 0]],
    truncated: false,
  })
  expect(answer.headers.get('x-lattice-position')).toMatch(/\/.*runs\.v1:0:\d+/)
})

test('values of every kind are plain JSON', async () => {
  const { json } = await ask(
    `SELECT 1::INTEGER, 9007199254740993::BIGINT, 170141183460469231731687303715884105727::HUGEINT, 1.5::DOUBLE, 'NaN'::DOUBLE,
       '-Infinity'::DOUBLE, 1.25::DECIMAL(9,2), true, NULL, 'x', '\\x00\\xFF'::BLOB, TIMESTAMP '2026-11-21 08:00:00', DATE '2026-11-21',
       [1, 9007199254740993], {'a': 'b', 'c': [TRUE]}, MAP {'k': 1}, INTERVAL 1 DAY, UUID '0193a0c0-0000-7000-8000-000000000000',
       ?, ?, ?, ?, ?`,
    { values: ['text', 7, 0.5, false, null] },
  )
  expect(json.rows[0].slice(0, 12)).toEqual([
    1,
    '9007199254740993',
    '170141183460469231731687303715884105727',
    1.5,
    'NaN',
    '-Infinity',
    1.25,
    true,
    null,
    'x',
    'AP8=',
    '2026-11-21T08:00:00.000Z',
  ])
  expect(json.rows[0].slice(13, 15)).toEqual([[1, '9007199254740993'], { a: 'b', c: [true] }])
  expect(json.rows[0].slice(-5)).toEqual(['text', 7, 0.5, false, null])
})

test('more rows than asked for are cut off, and that is said', async () => {
  const { json } = await ask('SELECT * FROM range(100)', { maxRows: 7 })
  expect(json.rows).toHaveLength(7)
  expect(json.truncated).toBe(true)
})

test.for([
  ['nonsense', 'SELEC 1'],
  ['nothing', ' -- a comment'],
  ['two statements', 'SELECT 1; SELECT 2'],
  ['a write', 'DELETE FROM task_submitted'],
  ['a table that is not there', 'SELECT * FROM nowhere'],
  ['a file', "SELECT * FROM read_csv('/etc/passwd')"],
  ['a file of text', "SELECT * FROM read_text('/etc/passwd')"],
  ['an export', "COPY (SELECT 1) TO '/tmp/x.csv'"],
  ['an attachment', "ATTACH '/tmp/x.db'"],
  ['an extension', 'INSTALL httpfs'],
  ['a setting', "SET memory_limit = '10GB'"],
  ['the environment', "SELECT getenv('PATH')"],
  ['too few values', 'SELECT ?'],
] as const)('%s is refused', async ([, sql]) => {
  expect(await ask(sql)).toMatchObject({ status: 400, code: 'request.invalid' })
})

test('a query that takes too long or too much is stopped', async () => {
  const endless = 'SELECT count(*) FROM range(100000000) a, range(100000000) b'
  expect(await ask(endless, { timeoutMs: 200 })).toMatchObject({ status: 422, code: 'query.stopped' })
  expect((await ask("SELECT length(repeat('x', 2000000000))", { timeoutMs: 5000 })).status).toBeGreaterThanOrEqual(400)
  expect((await ask('SELECT 1')).status).toBe(200)
})

test('a client that goes stops its query', async () => {
  const stopped = new AbortController()
  const asked = fetch(`${server.url}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: 'SELECT count(*) FROM range(100000000) a, range(100000000) b', timeoutMs: 60_000 }),
    signal: stopped.signal,
  }).catch(() => undefined)
  const two = [asked, asked]
  setTimeout(() => stopped.abort(), 200)
  await Promise.all(two)
  // Both places of the sandbox are free again.
  const answers = await Promise.all([ask('SELECT 1', { timeoutMs: 10_000 }), ask('SELECT 2', { timeoutMs: 10_000 })])
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
})

test('a snapshot is reused while the warehouse stands still, renewed when it moves, and removed when nobody reads it', async () => {
  await using own = await serving({ worker: false })
  const scratch = join(own.folder, 'data', 'scratch', own.lattice.given.settings.worker)
  const count = async (): Promise<number> =>
    (await own.ask('/v1/sql', { method: 'POST', body: { sql: 'SELECT count(*) FROM task_submitted' } })).json.rows[0][0]
  expect(await count()).toBe(0)
  const [first] = readdirSync(scratch)
  for (let again = 0; again < 3; again += 1) await count()
  expect(readdirSync(scratch)).toEqual([first])
  const { json } = await own.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p' } })
  const moved = await own.ask(`/v1/sql?at=${json.position}&wait=10000`, {
    method: 'POST',
    body: { sql: 'SELECT count(*) FROM task_submitted' },
  })
  expect(moved.json.rows).toEqual([[1]])
  await eventually(
    'one snapshot is left, another one',
    () => readdirSync(scratch).length === 1 && readdirSync(scratch)[0] !== first,
  )
})

test('a process without a warehouse says so', async () => {
  await using own = await serving({ worker: false, stores: ['lookup'] })
  const answer = await own.ask('/v1/sql', { method: 'POST', body: { sql: 'SELECT 1' } })
  expect(answer).toMatchObject({ status: 503, code: 'store.locked' })
})
