/** Which providers can be asked, over HTTP, and what is recorded when one is left alone. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { need } from '#processors/start.ts'
import { type Serving, serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving({ env: { LATTICE_BREAKER_FAILURES: '3', OLLAMA_URL: 'http://127.0.0.1:1' } })
})
afterAll(async () => server.close())

test('names say whether they are registered: with a key, or in need of none', async () => {
  const { status, json } = await server.ask('/v1/chat/providers')
  expect(status).toBe(200)
  expect(json).toEqual({
    groq: false,
    gemini: false,
    openai: true,
    lmstudio: true,
    ollama: true,
    ollama_cloud: false,
    openrouter: false,
    opencode: false,
    kimi: false,
    mistral: false,
  })
})

test('with detail each is asked how it is; a dead one says so', async () => {
  const { json } = await server.ask('/v1/chat/providers?detail=1')
  expect(json.openai).toMatchObject({ registered: true, url: server.models.url, breaker: 'closed', restMs: 0 })
  expect(json.ollama).toMatchObject({ registered: true, answers: false, url: 'http://127.0.0.1:1/v1' })
  expect(json.ollama.health).toContain('nothing answers there')
  expect(json.kimi).toMatchObject({ registered: false, answers: false, missing: 'KIMI_API_KEY is not set' })
})

test('what it can not be asked is refused', async () => {
  expect((await server.ask('/v1/chat/providers?detail=yes')).code).toBe('request.invalid')
})

test.for([
  ['openai/gpt-oss-20b', 'gpt-oss-20b'],
  ['openai/openai/gpt-oss-20b', 'openai/gpt-oss-20b'],
  ['bare', 'bare'],
] as const)('%s is asked for %s, its prefix taken off once', async ([model, asked]) => {
  const body = { model, messages: [{ role: 'user', content: 'hi' }] }
  const { status, json } = await server.ask('/v1/chat', { method: 'POST', body })
  expect([status, json.provider]).toEqual([200, 'openai'])
  expect(JSON.parse(server.models.calls.at(-1)?.body ?? '{}')).toMatchObject({ model: asked })
})

test.for(['kimi/kimi-k2.6', 'kimi-k2.6:cloud', 'nobody/x', 'tier/local_fast'])(
  '%s is 404 before any call',
  async (model) => {
    const calls = server.models.callCount
    const body = { model, messages: [{ role: 'user', content: 'hi' }] }
    const { status, text } = await server.ask('/v1/chat', { method: 'POST', body })
    expect(status).toBe(404)
    expect(text).toMatch(/_KEY is not set|no provider nobody|names no model/)
    expect(server.models.callCount).toBe(calls)
  },
)

test('a provider that fails in a row is left alone; calls and attempts stay equal, and both are told', async () => {
  const ask = (): ReturnType<Serving['ask']> =>
    server.ask('/v1/chat', { method: 'POST', body: { messages: [{ role: 'user', content: 'hi' }] } })
  server.models.always({ fault: 'status', status: 500 })
  const before = server.models.callCount
  const statuses = [(await ask()).status, (await ask()).status]
  expect(statuses.every((status) => status >= 500)).toBe(true)
  const asked = server.models.callCount - before
  expect(asked).toBe(3)

  const { json } = await server.ask('/v1/chat/providers?detail=1')
  expect(json.openai.breaker).toBe('open')
  expect(json.openai.restMs).toBeGreaterThan(0)

  // Asked itself: an answer of POST /v1/sql may be of an earlier moment, where making a snapshot takes long.
  const warehouse = need(server.lattice, 'warehouse')
  const rows = async (table: string): Promise<number> =>
    Number((await warehouse.query((columns) => columns.query(`SELECT count(*) AS n FROM ${table}`)))[0]?.['n'])
  await eventually('both runs and the opening are in the warehouse', async () => {
    const [opened, completed] = [await rows('provider_opened'), await rows('run_completed')]
    return opened === 1 && completed === 5
  })
  expect(await rows('attempt_started')).toBe(server.models.callCount)
}, 60_000)
