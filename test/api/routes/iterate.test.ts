/** `POST /v1/iterate` over real HTTP, before a fake model server, with a roster in a real file. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'

const folder = mkdtempSync(join(tmpdir(), 'lattice-iterate-'))
const roster = join(folder, 'workers.csv')
let server: Serving
beforeAll(async () => {
  writeFileSync(
    roster,
    `worker_id,name,city,state,role,status
W-1,Ann Alder,Louisville,KY,Welder,active
W-2,Ben Birch,Toledo,OH,Welder,active
W-3,Cid Cedar,Toledo,OH,Painter,active
W-4,Dot Dogwood,toledo,oh,welder,inactive
`,
  )
  server = await serving({
    stores: ['lookup', 'folders'],
    env: { LATTICE_ROSTER: roster, LATTICE_BREAKER_FAILURES: '0' },
  })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => server.models.reset())

const welder = { target_count: 1, city: 'Toledo', state: 'OH', role: 'Welder' }
const wrong = '{"fills": [{"candidate_id": "W-1", "name": "W-1"}]}'
const right = 'Here it is:\n```json\n{"fills": [{"candidate_id": "W-2", "name": "Ben Birch"}]}\n```'
const asked = { kind: 'fill', prompt: 'Fill 1 Welder in Toledo', model: 'openai/m', context: welder }

/** Answers in this order, the last one again and again. */
function answersAre(...answers: readonly string[]): void {
  let next = 0
  server.models.answerWith(() => answers[Math.min(next++, answers.length - 1)]!)
}

const iterate = (body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  server.ask('/v1/iterate', { method: 'POST', body: { ...asked, ...body }, headers })
const bodies = (): { model: string; messages: { role: string; content: string }[]; [field: string]: unknown }[] =>
  server.models.calls.map(({ body }) => JSON.parse(body))
const typesOf = async (runId: string | null): Promise<string[]> =>
  (await server.ask(`/v1/runs/${runId}/events`)).json.events.map(({ type }: { type: string }) => type)

test('an answer that passes is 200, with the seed defaults sent to the model', async () => {
  answersAre(right)
  const answer = await iterate({ system: 'You fill contracts.' }, { 'x-lakehouse-trace-id': 'rust-fix1-test' })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('x-lakehouse-trace-id')).toBe('rust-fix1-test')
  expect(answer.json).toEqual({
    artifact: { fills: [{ candidate_id: 'W-2', name: 'Ben Birch' }] },
    validation: {
      kind: 'fill',
      passed: true,
      findings: [],
      elapsed_ms: expect.any(Number),
      grounded_in_roster: true,
    },
    iterations: 1,
    history: [{ iteration: 0, raw: right, status: { kind: 'accepted' } }],
    trace_id: 'rust-fix1-test',
  })
  expect(bodies()).toMatchObject([
    {
      model: 'm',
      temperature: 0.2,
      max_tokens: 4096,
      messages: [
        { role: 'system', content: 'You fill contracts.' },
        { role: 'user', content: asked.prompt },
      ],
    },
  ])
  const runId = answer.headers.get('x-request-id')
  const at = encodeURIComponent(answer.headers.get('x-lattice-position') ?? '')
  const run = await server.ask(`/v1/runs/${runId}?at=${at}&wait=5000`)
  expect(run.json).toMatchObject({ kind: 'iterate', outcome: 'accepted', attempts: 1 })
  const index = await eventually('its folder', async () => {
    const path = join(server.folder, 'runs', String(runId), 'artifacts', 'index.json')
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  })
  expect(JSON.parse(index)).toMatchObject({
    run: runId,
    artifacts: [{ path: 'output.txt', tags: ['output', 'accepted'] }],
  })
})

test('a wrong city is told to the model as the structured error, and mended', async () => {
  answersAre(wrong, right)
  const { status, json, headers } = await iterate({})
  expect([status, json.iterations]).toEqual([200, 2])
  const error = {
    kind: 'Consistency',
    code: 'city-mismatch',
    message: "city 'Louisville' doesn't match contract city 'Toledo'",
    path: '/fills/0',
  }
  expect(json.history).toMatchObject([
    { iteration: 0, raw: wrong, status: { kind: 'validation_failed', error } },
    { iteration: 1, raw: right, status: { kind: 'accepted' } },
  ])
  const [, second] = bodies()
  expect(second?.messages.slice(0, 2)).toEqual([
    { role: 'user', content: asked.prompt },
    { role: 'assistant', content: wrong },
  ])
  expect(second?.messages[2]?.content).toContain(JSON.stringify(error))
  expect((await typesOf(headers.get('x-request-id'))).filter((type) => type === 'verdict.reached')).toHaveLength(2)
})

test("the seed's own case: never right is 422, with the full history", async () => {
  answersAre(wrong)
  const { status, json } = await iterate({ max_iterations: 2, context: { ...welder, state: undefined } })
  expect(status).toBe(422)
  expect(json).toMatchObject({
    code: 'max_iterations',
    iterations: 2,
    trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
  })
  expect(json.error).toContain('max iterations reached (2)')
  expect(json.history).toMatchObject(
    [0, 1].map((iteration) => ({
      iteration,
      raw: wrong,
      status: {
        kind: 'validation_failed',
        error: { kind: 'Consistency', message: "city 'Louisville' doesn't match contract city 'Toledo'" },
      },
    })),
  )
  expect(server.models.callCount).toBe(2)
})

test('prose is told that it was no JSON', async () => {
  answersAre('I would send Ben.', right)
  const { status, json } = await iterate({})
  expect(status).toBe(200)
  expect(json.history[0]).toMatchObject({ iteration: 0, raw: 'I would send Ben.', status: { kind: 'no_json' } })
  expect(bodies()[1]?.messages.at(-1)?.content).toContain("your response wasn't valid JSON")
})

test('a provider that is down is 502, and its calls are in the history', async () => {
  server.models.always({ fault: 'status', status: 400 })
  const { status, json } = await iterate({})
  expect(status).toBe(502)
  expect(json).toMatchObject({ code: 'rejected', iterations: 0 })
  expect(json.history).toEqual([
    {
      iteration: 0,
      raw: '',
      status: { kind: 'infra_error', error: { code: 'rejected', message: expect.any(String) } },
    },
  ])
})

test('a provider that goes away after a refused answer is 502, with that answer', async () => {
  answersAre(wrong)
  server.models.script('ok', { fault: 'status', status: 404 })
  const { status, json } = await iterate({})
  expect(status).toBe(502)
  expect(json.history.map(({ status: { kind } }: { status: { kind: string } }) => kind)).toEqual([
    'validation_failed',
    'infra_error',
  ])
  expect(json.iterations).toBe(1)
})

test('a provider that hangs is 504 at the deadline', async () => {
  server.models.always('hang-before-headers')
  const { status, json } = await iterate({ deadline_ms: 300 })
  expect(status).toBe(504)
  expect(json).toMatchObject({ iterations: 0, history: [{ status: { kind: 'infra_error' } }] })
})

test('a caller who goes cancels the run and the call', async () => {
  server.models.always('hang-before-headers')
  const leaving = new AbortController()
  const gone = fetch(`${server.url}/v1/iterate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-lakehouse-trace-id': 'leaver' },
    body: JSON.stringify(asked),
    signal: leaving.signal,
  }).catch(() => 'gone')
  await eventually('the model is asked', async () => (server.models.callCount === 1 ? true : undefined))
  leaving.abort()
  expect(await gone).toBe('gone')
  await eventually('the upstream call ended', async () => (server.models.calls[0]?.hungUp === true ? true : undefined))
  const run = await eventually('the run is cancelled', async () => {
    const { json } = await server.ask('/v1/runs?kind=iterate&limit=1')
    return json.runs[0]?.status === 'done' ? json.runs[0] : undefined
  })
  expect(run).toMatchObject({ outcome: 'cancelled' })
})

test('a ladder is climbed before the iterations are used up', async () => {
  server.models.answerWith(({ model }) => (model === 'strong' ? right : wrong))
  const two = await iterate({ model: undefined, models: ['openai/weak', 'openai/strong'] })
  expect(two.status).toBe(200)
  expect(bodies().map(({ model }) => model)).toEqual(['weak', 'strong'])
  server.models.reset()
  server.models.answerWith(({ model }) => (model === 'strong' ? right : wrong))
  const four = await iterate({ model: undefined, models: ['openai/weak', 'openai/strong'], max_iterations: 4 })
  expect(four.json.iterations).toBe(3)
  expect(bodies().map(({ model }) => model)).toEqual(['weak', 'weak', 'strong'])
})

test('once the cost limit is reached no further call is made', async () => {
  answersAre(wrong)
  const { status, json } = await iterate({ cost_limit_usd: 0 })
  expect([status, json.code]).toEqual([422, 'cost'])
  expect(server.models.callCount).toBe(1)
})

test('with retrieval the workers who meet the contract stand before the prompt, and on the log', async () => {
  answersAre(right)
  const { status, headers } = await iterate({ retrieval: true })
  expect(status).toBe(200)
  const [{ messages } = { messages: [] }] = bodies()
  expect(messages.map(({ role }) => role)).toEqual(['system', 'user'])
  expect(messages[0]?.content).toContain('{"candidate_id":"W-2","name":"Ben Birch","city":"Toledo"')
  for (const other of ['W-1', 'W-3', 'W-4']) expect(messages[0]?.content).not.toContain(other)
  const { events } = (await server.ask(`/v1/runs/${headers.get('x-request-id')}/events`)).json
  const retrieved = events.find(({ type }: { type: string }) => type === 'retrieval.completed')
  expect(retrieved.data).toMatchObject({ corpora: ['roster'], documents: 1, passages: [{ path: 'roster/W-2' }] })
})

test('the same key gets the recorded answer, another body is refused', async () => {
  answersAre(wrong, right)
  const key = { 'idempotency-key': 'iterate once', 'x-lakehouse-trace-id': 'keyed' }
  const first = await iterate({}, key)
  const again = await iterate({}, key)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(again.json).toEqual(first.json)
  expect(again.status).toBe(200)
  expect(server.models.callCount).toBe(2)
  expect((await iterate({ prompt: 'Another' }, key)).code).toBe('idempotency.conflict')
})

test('as server-sent events the calls and verdicts are told, then the result', async () => {
  answersAre(wrong, right)
  const { status, text, headers } = await iterate({}, { accept: 'text/event-stream' })
  expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const events = text
    .split('\n\n')
    .filter((part) => part.includes('event: '))
    .map((part) => [/^event: (.*)$/m.exec(part)?.[1], JSON.parse(/^data: (.*)$/m.exec(part)?.[1] ?? 'null')])
  expect(events.map(([name]) => name)).toEqual([
    'attempt.started',
    'attempt.completed',
    'verdict.reached',
    'attempt.started',
    'attempt.completed',
    'verdict.reached',
    'result',
  ])
  expect(events[1]?.[1]).toMatchObject({ iteration: 0, provider: 'openai', model: 'm', raw: wrong })
  expect(events.at(-1)?.[1]).toMatchObject({ status: 200, body: { iterations: 2, validation: { passed: true } } })
})

test('what is wrong before anything is called is a problem, also where a stream is asked for', async () => {
  const stream = { accept: 'text/event-stream' }
  expect(await iterate({ model: 'groq/x' }, stream)).toMatchObject({ status: 404, code: 'model.unknown' })
  expect(await iterate({ kind: 'json_schema', context: {} })).toMatchObject({ status: 400, code: 'request.invalid' })
  expect(await iterate({ max_iterations: 21 })).toMatchObject({ status: 400 })
  expect(await iterate({ kind: 'nothing' })).toMatchObject({ status: 400 })
  expect(server.models.callCount).toBe(0)
})
