/** `POST /v1/replay/counterfactual` over real HTTP: what it answers, and what it leaves as it was. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'

let server: Serving
const past: string[] = []
beforeAll(async () => {
  server = await serving({ stores: ['lookup'], worker: false })
  server.models.answerWith('It was seven.')
  for (const content of ['One?', 'Two?']) {
    const messages = [{ role: 'user', content }]
    const { json } = await server.ask('/v1/chat', { method: 'POST', body: { model: 'openai/old', messages } })
    past.push(json.run_id)
  }
})
afterAll(() => server.close())
beforeEach(() => server.models.reset())

const ask = (body: object): Promise<Answer> => server.ask('/v1/replay/counterfactual', { method: 'POST', body })

test('each run is laid beside what it was; one that is not there is left out by name', async () => {
  server.models.answerWith('It was six.')
  const before = await Promise.all(past.map((run) => server.ask(`/v1/runs/${run}/events`)))
  const { status, json } = await ask({ runs: [...past, 'nothing'], model: 'openai/new' })
  expect(status).toBe(200)
  expect(json).toMatchObject({
    model: 'openai/new',
    system: null,
    runs: past.map((runId) => ({
      original: { runId, model: 'old', answer: 'It was seven.' },
      replayed: { outcome: 'accepted', model: 'new', answer: 'It was six.' },
      difference: { wordsAdded: 1, wordsRemoved: 1 },
    })),
    skipped: [{ runId: 'nothing', reason: expect.stringContaining('run.unknown') }],
    tests: { verdict: { better: 0, worse: 0, ties: 2, p: 1 } },
  })
  const asked = server.models.calls.map(({ body }) => JSON.parse(body).messages[0].content as string)
  expect(new Set(asked)).toEqual(new Set(['One?', 'Two?']))
  expect(asked).toHaveLength(2)
  const after = await Promise.all(past.map((run) => server.ask(`/v1/runs/${run}/events`)))
  expect(after.map(({ text }) => text)).toEqual(before.map(({ text }) => text))
  const at = json.runs[0].replayed.runId as string
  expect((await server.ask(`/v1/runs/${at}`)).json).toMatchObject({
    kind: 'replay',
    tags: { replay_of: past[0], replay_set: json.set },
  })
})

test('what can not be asked for is refused before anything is called', async () => {
  expect(await ask({ runs: past })).toMatchObject({ status: 400, code: 'request.invalid' })
  expect(await ask({ runs: [], model: 'openai/new' })).toMatchObject({ status: 400 })
  expect(await ask({ runs: Array(51).fill('r'), model: 'openai/new' })).toMatchObject({ status: 400 })
  expect(await ask({ runs: past, model: 'tier/none' })).toMatchObject({ status: 404, code: 'model.unknown' })
  const keyless = await ask({ runs: past, model: 'groq/openai/gpt-oss-20b' })
  expect(keyless).toMatchObject({ status: 404, code: 'model.unknown', text: expect.stringContaining('GROQ_API_KEY') })
  expect(server.models.callCount).toBe(0)
})

test('a client that goes cancels what is under way, and nothing new is begun', async () => {
  server.models.always('hang-before-headers')
  const leaving = new AbortController()
  const asked = fetch(`${server.url}/v1/replay/counterfactual`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ runs: past, model: 'openai/new', concurrency: 1 }),
    signal: leaving.signal,
  }).catch(() => 'left')
  await eventually('the model is asked', () => server.models.calls.length === 1)
  leaving.abort()
  expect(await asked).toBe('left')
  await eventually('it is cancelled', async () => {
    const { json } = await server.ask('/v1/runs?kind=replay&outcome=cancelled')
    return json.runs.length === 1
  })
  expect(server.models.calls).toHaveLength(1)
})
