/** `POST /v1/chat/completions` and `/v1/chat` over real HTTP, before a fake model server. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving()
})
afterAll(() => server.close())

const messages = [{ role: 'user', content: 'What is six times seven?' }]
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  server.ask(path, { method: 'POST', body, headers })
const lastBody = (): unknown => JSON.parse(server.models.calls.at(-1)?.body ?? '{}')

test('an answer is what the model server sent, and its run says how it came to be', async () => {
  const answer = await post('/v1/chat/completions', { model: 'openai/some-model', messages, seed: 7, made_up: [1] })
  expect(answer.status).toBe(200)
  expect(answer.json.choices[0].message.content).toBe('forty-two')
  const asked = lastBody()
  expect(asked).toMatchObject({ model: 'some-model', messages, seed: 7, made_up: [1] })
  expect(asked).not.toHaveProperty('temperature')

  const runId = answer.headers.get('x-request-id')
  const at = encodeURIComponent(answer.headers.get('x-lattice-position') ?? '')
  const run = await server.ask(`/v1/runs/${runId}?at=${at}&wait=5000`)
  expect(run.json).toMatchObject({
    kind: 'chat',
    status: 'done',
    outcome: 'accepted',
    answer: 'forty-two',
    attempts: 1,
  })
  const { events } = (await server.ask(`/v1/runs/${runId}/events`)).json
  expect(events.map(({ type }: { type: string }) => type)).toEqual([
    'task.submitted',
    'run.started',
    'attempt.started',
    'attempt.completed',
    'run.completed',
  ])
  expect(events.map(({ interactive }: { interactive?: true }) => interactive === true)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ])
})

test('a stream is the events of the model server, then [DONE]', async () => {
  const answer = await post('/v1/chat/completions', { model: 'openai/m', messages, stream: true })
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  const data = answer.text.split('\n\n').filter((part) => part !== '')
  expect(data.at(-1)).toBe('data: [DONE]')
  const chunks = data.slice(0, -1).map((part) => JSON.parse(part.replace('data: ', '')))
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('forty-two')
})

test('a name nobody can be asked for is 404, in the form of OpenAI, before anything is called', async () => {
  const before = server.models.callCount
  const answer = await post('/v1/chat/completions', { model: 'groq/whatever', messages })
  expect(answer.status).toBe(404)
  expect(answer.json.error).toMatchObject({ code: 'model.unknown', type: 'invalid_request_error' })
  expect(answer.json.error.message).toContain('GROQ_API_KEY')
  expect(server.models.callCount).toBe(before)
})

test('the short form says who answered', async () => {
  const answer = await post('/v1/chat', { model: 'openai/m', messages, temperature: 0 })
  expect(answer.json).toMatchObject({ model: 'm', provider: 'openai', content: 'forty-two', finish_reason: 'stop' })
  expect(answer.json.run_id).toBe(answer.headers.get('x-request-id'))
  expect(lastBody()).toMatchObject({ temperature: 0 })
})

test('a trace id is echoed as it was given, and minted where none was', async () => {
  const named = await post('/v1/chat', { model: 'openai/m', messages }, { 'x-lakehouse-trace-id': 'job 7/ä' })
  expect(named.headers.get('x-lakehouse-trace-id')).toBe('job 7/ä')
  const minted = await post('/v1/chat', { model: 'openai/m', messages })
  expect(minted.headers.get('x-lakehouse-trace-id')).toMatch(/^[0-9a-f]{32}$/)
})

test('the same key and body get the recorded answer, another body is refused', async () => {
  const key = { 'idempotency-key': 'chat once' }
  const first = await post('/v1/chat', { model: 'openai/m', messages }, key)
  const calls = server.models.callCount
  const again = await post('/v1/chat', { model: 'openai/m', messages }, key)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(again.json).toEqual(first.json)
  expect(server.models.callCount).toBe(calls)
  const other = await post('/v1/chat', { model: 'openai/other', messages }, key)
  expect(other.status).toBe(422)
})

test('the models that can be named are listed and found, with slashes or without', async () => {
  const { json } = await server.ask('/v1/models')
  const ids = json.data.map(({ id }: { id: string }) => id)
  expect(ids).toContain('lattice/extract')
  expect((await server.ask('/v1/models/lattice%2Fextract')).json).toMatchObject({ id: 'lattice/extract' })
  expect(await (await fetch(`${server.url}/v1/models/lattice/extract`)).json()).toMatchObject({ id: 'lattice/extract' })
  expect((await server.ask('/v1/models/none')).json.error.code).toBe('model.unknown')
})

test('a stream that has begun ends with an error event, also where something breaks that nobody foresaw', async () => {
  const broken = await serving({
    stores: ['lookup'],
    worker: false,
    changed: (lattice) => ({
      ...lattice,
      journal: {
        ...lattice.journal,
        prepare: (events) =>
          events[0]?.type === 'attempt.completed'
            ? Promise.reject(new Error('nobody foresaw this'))
            : lattice.journal.prepare(events),
      },
    }),
  })
  try {
    const body = { model: 'openai/m', messages, stream: true }
    const { text } = await broken.ask('/v1/chat/completions', { method: 'POST', body })
    const data = text.split('\n\n').filter((part) => part !== '')
    expect(JSON.parse(data.at(-1)?.replace('data: ', '') ?? '')).toMatchObject({ error: { code: 'internal' } })
    expect(text).not.toContain('[DONE]')
    expect(broken.signals).toContainEqual(expect.objectContaining({ signal: 'request.failed' }))
  } finally {
    await broken.close()
  }
})
