/** Ten past runs carried out again on another model, over real HTTP to a fake model server and a real log. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gatewayOf } from '#processors/gateway.ts'
import type { Gateway } from '#processors/gateway.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'

const never = new AbortController().signal
let server: Serving
let gateway: Gateway
const past: string[] = []

beforeAll(async () => {
  server = await serving({ stores: ['lookup', 'search', 'folders'], env: { LATTICE_CLAIM_CHECK_BYTES: '1024' } })
  gateway = gatewayOf(server.lattice)
  const content = 'Question of the gate of Toledo: Fünf Schweißer 😀 open it at six in the morning.'
  const { headers } = await server.ask('/v1/documents', {
    method: 'POST',
    body: { corpus: 'docs', path: 'gate.md', content },
  })
  const at = encodeURIComponent(headers.get('x-lattice-position') ?? '')
  await server.ask(`/v1/search?q=gate&corpus=docs&at=${at}&wait=5000`)
  server.models.answerWith((body) => (body.model === 'better' ? '{"grüße": 1}' : 'no JSON 😀'))
  for (let index = 0; index < 10; index += 1) {
    // The first is too large for a record.
    const prompt = `${index === 0 ? 'Łódź 😀 '.repeat(400) : ''}Question ${index} of the gate of Toledo`
    const body = {
      prompt,
      system: 'Answer.',
      model: 'openai/old',
      validator: 'json',
      maxAttempts: 1,
      corpora: ['docs'],
    }
    const { json } = await server.ask('/v1/tasks', { method: 'POST', body: withModel(body) })
    past.push(json.runId)
  }
  for (const runId of past) await ended(runId)
  server.models.reset()
  server.models.answerWith((body) => (body.model === 'better' ? '{"grüße": 1}' : 'no JSON 😀'))
})
afterAll(() => server.close())

const withModel = ({ model, ...body }: { model: string }): object => ({
  ...body,
  provider: 'openai',
  model: model.slice(7),
})

async function ended(runId: string): Promise<void> {
  const response = await fetch(`${server.url}/v1/runs/${runId}/events`, { headers: { accept: 'text/event-stream' } })
  await response.text()
}

async function hashOf(runIds: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const runId of runIds) {
    const { text } = await server.ask(`/v1/runs/${runId}/events`)
    expect(text).toContain('run.completed')
    hash.update(text)
  }
  return hash.digest('hex')
}

const again = (given: Partial<Parameters<Gateway['counterfactual']>[1]>): ReturnType<Gateway['counterfactual']> =>
  gateway.counterfactual(past, { model: 'openai/better', concurrency: 3, gone: never, principal: 'local', ...given })

test('each is carried out once with its frozen messages, and nothing of the originals changes', async () => {
  const before = await hashOf(past)
  const told: number[] = []
  const { pairs, skipped, tests, set } = await again({ onDone: (done) => told.push(done) })
  expect(await hashOf(past)).toBe(before)

  expect(skipped).toEqual([])
  expect(pairs.map(({ original }) => original.runId)).toEqual(past)
  expect(told).toEqual(past.map((_, index) => index + 1))
  expect(server.models.callCount).toBe(10)
  for (const { original, replayed, difference } of pairs) {
    expect(original).toMatchObject({ outcome: 'rejected', passed: false, model: 'old', answer: 'no JSON 😀' })
    expect(replayed).toMatchObject({ outcome: 'accepted', passed: true, model: 'better', answer: '{"grüße": 1}' })
    expect(replayed.promptTokens).toBeGreaterThan(0)
    expect(difference.wordsAdded).toBeGreaterThan(0)
  }
  expect(tests.verdict).toEqual({ better: 10, worse: 0, ties: 0, p: 2 / 1024 })
  expect(tests.cost).toEqual({ better: 0, worse: 0, ties: 10, p: 1 })
  expect(tests.latency.better + tests.latency.worse + tests.latency.ties).toBe(10)

  const asked = async (runId: string): Promise<unknown[]> => {
    const { json } = await server.ask(`/v1/runs/${runId}/events`)
    return json.events.filter(({ type }: { type: string }) => type === 'attempt.started')
  }
  for (const { original, replayed } of pairs) {
    const [was] = (await asked(original.runId)) as { data: { messages: unknown } }[]
    const [is] = (await asked(replayed.runId)) as { data: { messages: unknown } }[]
    expect(is?.data.messages).toEqual(was?.data.messages)
    const { json } = await server.ask(`/v1/runs/${replayed.runId}`)
    expect(json).toMatchObject({ kind: 'replay', tags: { replay_of: original.runId, replay_set: set } })
  }
  expect(server.models.calls.some(({ body }) => body.includes('Łódź 😀 Łódź 😀'))).toBe(true)
  expect(server.models.calls.filter(({ body }) => body.includes('Fünf Schweißer 😀')).length).toBeGreaterThan(4)
})

test('another system prompt takes the place of the first one, and the model stays', async () => {
  server.models.reset()
  const { pairs } = await again({ model: undefined, system: 'Sei kurz. 😀' })
  expect(pairs.map(({ replayed }) => replayed.model)).toEqual(past.map(() => 'old'))
  for (const { body } of server.models.calls) {
    const { messages } = JSON.parse(body) as { messages: { role: string; content: string }[] }
    expect(messages[0]).toEqual({ role: 'system', content: 'Sei kurz. 😀' })
    expect(messages.filter(({ content }) => content === 'Answer.')).toEqual([])
  }
})

test('at most so many are under way at a time; once nobody waits, the rest is not begun', async () => {
  server.models.reset()
  server.models.always('hang-before-headers')
  const gone = new AbortController()
  const { lattice } = server
  let open = 0
  let most = 0
  const watching = gatewayOf({
    ...lattice,
    given: {
      ...lattice.given,
      report: (signal) => {
        if (signal.signal === 'run.started') most = Math.max(most, (open += 1))
        if (signal.signal === 'run.completed') open -= 1
        if (open === 3) setImmediate(() => gone.abort())
      },
    },
  })
  const options = { model: 'openai/better', concurrency: 3, gone: gone.signal, principal: 'local' }
  const { pairs, skipped } = await watching.counterfactual(past, options)
  expect(most).toBe(3)
  expect(pairs).toEqual([])
  expect(skipped.filter(({ reason }) => reason.startsWith('interrupted, as run replay:'))).toHaveLength(3)
  expect(skipped.filter(({ reason }) => reason === 'not begun: it was interrupted')).toHaveLength(7)
})

test('what can not be compared is named, and the others go on', async () => {
  server.models.reset()
  server.models.answerWith('{}')
  const [known = ''] = past
  const options = { model: 'openai/better', concurrency: 2, gone: never, principal: 'local' }
  const { pairs, skipped } = await gateway.counterfactual(['nobody', known, known], options)
  expect(pairs).toHaveLength(1)
  expect(skipped).toEqual([{ runId: 'nobody', reason: expect.stringContaining('run.unknown') }])
})
