/** The session log beside `POST /v1/iterate`: a row on every path, and the same rows in the warehouse. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { need } from '#processors/start.ts'

const schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }
const asked = { kind: 'json_schema', prompt: 'Café résumé  你好', model: 'openai/m', context: { schema } }
type Row = Record<string, unknown>

const iterate = (server: Serving, trace: string, body: object = {}) =>
  server.ask('/v1/iterate', {
    method: 'POST',
    body: { ...asked, ...body },
    headers: { 'x-lakehouse-trace-id': trace },
  })

function rowsIn(path: string): Row[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

async function rowsOnce(path: string, count: number): Promise<Row[]> {
  return eventually(`${count} rows`, async () => {
    const rows = await Promise.resolve()
      .then(() => rowsIn(path))
      .catch(() => [])
    return rows.length >= count ? rows : undefined
  })
}

async function leave(server: Serving, trace: string): Promise<void> {
  const before = server.models.callCount
  const leaving = new AbortController()
  const gone = fetch(`${server.url}/v1/iterate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-lakehouse-trace-id': trace },
    body: JSON.stringify(asked),
    signal: leaving.signal,
  }).catch(() => undefined)
  await eventually('the model is asked', async () => (server.models.callCount > before ? true : undefined))
  leaving.abort()
  await gone
}

test('each path has its row, and the view sessions has the same ones', async () => {
  await using server = await serving({ env: { LATTICE_BREAKER_FAILURES: '0' } })
  const { models } = server
  models.answerWith('{"n": 1}')
  await iterate(server, 'accepted')
  models.answerWith('{"n": "one"}')
  await iterate(server, 'never', { max_iterations: 2 })
  models.answerWith('none')
  await iterate(server, 'prose', { cost_limit_usd: 0, models: ['openai/a', 'openai/b'], model: undefined })
  models.script({ fault: 'status', status: 400 })
  await iterate(server, 'down', { system: 'Be brief.' })
  models.script('hang-before-headers')
  await leave(server, 'left')

  const rows = await rowsOnce(join(server.folder, 'data', 'sessions.jsonl'), 5)
  expect(Object.fromEntries(rows.map((row) => [row['session_id'], row['final_verdict']]))).toEqual({
    accepted: 'accepted',
    never: 'max_iter_exhausted',
    prose: 'limit_reached',
    down: 'infra_error',
    left: 'client_gone',
  })
  expect(rows[0]).toEqual({
    schema: 'session.iterate.v1',
    session_id: 'accepted',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    daemon: 'lattice',
    kind: 'json_schema',
    model: 'm',
    provider: 'openai',
    prompt: 'Café résumé  你好',
    iterations: 1,
    max_iterations: 3,
    final_verdict: 'accepted',
    attempts: [
      {
        iteration: 0,
        verdict_kind: 'accepted',
        error: null,
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
        provider: 'openai',
        model: 'm',
      },
    ],
    artifact: { n: 1 },
    grounded_in_roster: null,
    duration_ms: expect.any(Number),
    run_id: expect.any(String),
    reason: null,
  })

  const warehouse = need(server.lattice, 'warehouse')
  const table = await eventually('the warehouse has them', async () => {
    const found = await warehouse.query((columns) =>
      columns.query(`SELECT * REPLACE (CAST(to_json(attempts) AS VARCHAR) AS attempts,
        CAST(artifact AS VARCHAR) AS artifact, strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%gZ') AS timestamp) FROM sessions`),
    )
    return found.length === rows.length ? found : undefined
  })
  const plain = table.map((row) => ({
    ...row,
    attempts: JSON.parse(String(row['attempts'])) as unknown,
    artifact: row['artifact'] === null ? null : (JSON.parse(row['artifact'] as string) as unknown),
  }))
  const byId = (all: readonly Row[]): Row[] =>
    all.toSorted((a, b) => (String(a['run_id']) < String(b['run_id']) ? -1 : 1))
  expect(byId(plain)).toEqual(byId(rows))
  expect(Object.keys(table[0]!)).toEqual(Object.keys(rows[0]!))
}, 60_000)

test('a path that cannot be written warns and answers all the same; the rows come when it can', async () => {
  await using server = await serving({ stores: ['lookup'] })
  const path = join(server.folder, 'data', 'sessions.jsonl')
  mkdirSync(path)
  server.models.answerWith('{"n": 1}')
  expect((await iterate(server, 'one')).status).toBe(200)
  const warning = await eventually('a warning', async () =>
    server.signals.find((one) => one.signal === 'store.stalled' && one.store === 'sessions'),
  )
  expect(warning).toMatchObject({ code: 'store.stalled', message: expect.stringContaining('sessions.jsonl') })
  expect((await iterate(server, 'two')).status).toBe(200)
  rmSync(path, { recursive: true })
  expect((await rowsOnce(path, 2)).map((row) => row['session_id'])).toEqual(['one', 'two'])
}, 60_000)

test('set to nothing there is no log', async () => {
  await using server = await serving({ stores: ['lookup'], env: { LATTICE_SESSION_LOG: '' } })
  expect(server.lattice.given.settings.sessionLog).toBeUndefined()
})
