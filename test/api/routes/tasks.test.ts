/** `POST /v1/tasks` over real HTTP. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving()
})
afterAll(() => server.close())

const post = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  server.ask('/v1/tasks', { method: 'POST', body, headers })

test('a task is accepted with its address and position, and its run is read by both', async () => {
  const accepted = await post({ prompt: 'What is six times seven?', retrieval: false })
  expect(accepted.status).toBe(202)
  const { runId, position } = accepted.json
  expect(accepted.headers.get('location')).toBe(`/v1/runs/${runId}`)
  expect(accepted.headers.get('x-lattice-position')).toBe(position)

  const read = await server.ask(`/v1/runs/${runId}?at=${encodeURIComponent(position)}&wait=5000`)
  expect(read.status).toBe(200)
  expect(read.json.prompt).toBe('What is six times seven?')
  const done = await eventually('the run is done', async () => {
    const { json } = await server.ask(accepted.headers.get('location') ?? '')
    return json.status === 'done' ? json : undefined
  })
  expect(done).toMatchObject({
    outcome: 'accepted',
    answer: 'forty-two',
    attempts: 1,
    cancelRequested: false,
    principal: 'local',
  })
  expect(done.attemptList).toMatchObject([{ attempt: 1, status: 'completed', passed: true, provider: 'openai' }])
})

test('a prompt that is empty is refused in words, not by a pattern', async () => {
  for (const prompt of ['', ' \n']) {
    const refused = await post({ prompt })
    expect(refused).toMatchObject({ status: 400, code: 'request.invalid' })
    expect(refused.json.detail).toBe('body/prompt must be a text that is not empty')
  }
})

test('every field of a task reaches its run', async () => {
  const body = {
    prompt: 'Say {}',
    system: 'Be brief.',
    model: 'another-model',
    validator: 'json',
    validatorOptions: { a: [1] },
    temperature: 0,
    maxTokens: 7,
    maxAttempts: 1,
    deadlineMs: 60_000,
    retrieval: false,
    tags: { team: 'blue' },
  }
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const { json } = await post(body, { traceparent })
  const { events } = (await server.ask(`/v1/runs/${json.runId}/events`)).json
  expect(events[0]).toMatchObject({
    type: 'task.submitted',
    traceparent,
    data: {
      messages: JSON.stringify([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Say {}' },
      ]),
      validator: 'json',
      validatorOptions: '{"a":[1]}',
      parameters: '{"temperature":0,"max_tokens":7}',
      limits: { attempts: 1, deadlineMs: 60_000 },
      tags: { team: 'blue' },
      ladder: [{ choices: [{ provider: 'openai', model: 'another-model' }] }],
    },
  })
})

test('a task belongs to the trace of its caller, and so do its events and its calls', async () => {
  const callers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  const { json, headers } = await post(
    { prompt: 'Traced?', retrieval: false },
    { ...callers, 'x-lakehouse-trace-id': 'mine' },
  )
  expect(headers.get('x-lakehouse-trace-id')).toBe('mine')
  const events = await eventually('the run is done', async () => {
    const all = (await server.ask(`/v1/runs/${json.runId}/events`)).json.events
    return all.at(-1)?.type === 'run.completed' ? all : undefined
  })
  expect(events[0]).toMatchObject({ ...callers, data: { traceId: 'mine' } })
  const own = events.slice(1).map((event: { traceparent: string }) => event.traceparent)
  for (const one of own) expect(one).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/)
  const started = events.find(({ type }: { type: string }) => type === 'attempt.started')
  expect(started.traceparent).toContain(started.data.spanId)
  expect(new Set(own).size).toBe(2)
  const call = server.models.calls.find(({ body }) => body.includes('Traced?'))
  expect(call?.headers).toMatchObject({ traceparent: started.traceparent })
})

test('the same key and body find the same run, whatever the order of the fields', async () => {
  const key = { 'idempotency-key': 'order 66' }
  const first = await post({ prompt: 'once', maxTokens: 5, tags: { a: '1', b: '2' } }, key)
  expect(first.headers.get('idempotency-replayed')).toBeNull()
  const again = await post({ tags: { b: '2', a: '1' }, maxTokens: 5, prompt: 'once' }, key)
  expect(again.status).toBe(202)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(again.json).toEqual(first.json)
  await eventually(
    'the run is done',
    async () => (await server.ask(`/v1/runs/${first.json.runId}`)).json.status === 'done',
  )
  expect((await post({ prompt: 'once', maxTokens: 5, tags: { a: '1', b: '2' } }, key)).json).toEqual(first.json)
})

test('the same key with another body is refused', async () => {
  const key = { 'idempotency-key': 'one key' }
  await post({ prompt: 'one' }, key)
  for (const body of [{ prompt: 'two' }, { prompt: 'one', maxTokens: 1 }]) {
    expect(await post(body, key)).toMatchObject({ status: 422, code: 'idempotency.conflict' })
  }
})

test('twenty requests with one key at once are one run, called once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      post({ prompt: 'all at once', retrieval: false }, { 'idempotency-key': 'stampede' }),
    ),
  )
  const runs = new Set(answers.map(({ json }) => json.runId))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 202))
  expect(runs.size).toBe(1)
  expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') !== 'true')).toHaveLength(1)
  await eventually('the run is done', async () => (await server.ask(`/v1/runs/${[...runs][0]}`)).json.status === 'done')
  expect(server.models.calls.filter(({ body }) => body.includes('all at once'))).toHaveLength(1)
})

test('without a key the same body is another run', async () => {
  const [one, other] = await Promise.all([post({ prompt: 'twice' }), post({ prompt: 'twice' })])
  expect(one.json.runId).not.toBe(other.json.runId)
})

test('a provider without a key of its own is refused, and says what to do', async () => {
  const answer = await post({ prompt: 'p', provider: 'groq' })
  expect(answer).toMatchObject({ status: 400, code: 'provider.unconfigured' })
  expect(answer.json.remedy).not.toBe('')
})

test('a model is asked of whom its name says, though another provider comes first', async () => {
  const { json } = await post({ prompt: 'p', model: 'ollama/llama3', retrieval: false, maxAttempts: 1 })
  const { events } = (await server.ask(`/v1/runs/${json.runId}/events`)).json
  expect(events[0].data.ladder).toEqual([{ name: 'default', choices: [{ provider: 'ollama', model: 'llama3' }] }])
  expect(server.models.calls.filter(({ body }) => body.includes('llama3'))).toEqual([])
})

test('a model nobody has is 404, also where nothing is configured', async () => {
  const bare = { LATTICE_PROVIDER: '', OPENAI_API_KEY: '', OPENAI_BASE_URL: '', OLLAMA_URL: 'http://127.0.0.1:9' }
  await using without = await serving({
    env: { ...bare, LATTICE_PROVIDER_ORDER: 'openai' },
    stores: ['lookup'],
    worker: false,
  })
  for (const model of ['nope/x', 'openai/x', 'gpt-4o']) {
    const answer = await without.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p', model } })
    expect(answer).toMatchObject({ status: 404, code: 'model.unknown' })
  }
  expect(await post({ prompt: 'p', model: 'nope/x' })).toMatchObject({ status: 404, code: 'model.unknown' })
})
