/** A client that hangs up, and a stream that breaks: who is asked no more, and what is kept and paid for. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { hurried } from './fault-run.ts'
import type { Recorded } from './fault-run.ts'

const messages = [{ role: 'user', content: 'Where are you?' }]

describe('a chat that does not end well', () => {
  let server: Serving
  let second: FakeOpenAi

  beforeAll(async () => {
    second = await startFakeOpenAi({ answer: 'the second one' })
    const env = {
      LATTICE_PROVIDER: '',
      LATTICE_PROVIDER_ORDER: 'openai,groq',
      GROQ_BASE_URL: second.url,
      GROQ_API_KEY: 'key-of-the-second-fake',
    }
    server = await serving({ env, stores: ['lookup'], worker: false, changed: hurried })
    server.models.answerWith('Grüße aus Köln, wo die Sonne scheint 🌍')
  })
  afterAll(async () => {
    await server.close()
    await second.close()
  })
  beforeEach(() => {
    server.models.reset()
    second.reset()
  })

  const post = (body: object, signal?: AbortSignal): Promise<Response> =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages, ...body }),
      ...(signal === undefined ? {} : { signal }),
    })

  /** The run before: a list is a moment behind, and would tell it again. */
  let before = ''

  /** Of the last run, once it has ended. */
  async function eventsOfLast(): Promise<readonly Recorded[]> {
    let runId = ''
    await eventually(
      () => `run ${runId} does not end`,
      async () => {
        const [run] = (await server.ask('/v1/runs?limit=1')).json.runs
        runId = run?.runId ?? ''
        return run?.status === 'done' && runId !== before
      },
    )
    before = runId
    return (await server.ask(`/v1/runs/${runId}/events`)).json.events
  }

  test('a client that hangs up in the middle of a stream ends the call, and what had come is kept and charged', async () => {
    server.models.script('endless-stream')
    const leave = new AbortController()
    const response = await post({ model: 'openai/gpt-4o', stream: true }, leave.signal)
    const reader = response.body?.getReader()
    await reader?.read()
    leave.abort()
    await eventually('the model server still writes', () => server.models.calls[0]?.hungUp === true)

    const events = await eventsOfLast()
    expect(events.map(({ type }) => type).slice(-3)).toEqual(['attempt.failed', 'task.cancelled', 'run.completed'])
    const failed = events.at(-3)?.data
    expect(failed).toMatchObject({ code: 'cancelled', delivered: true, usageEstimated: true })
    expect(failed?.['completionTokens']).toBeGreaterThan(0)
    expect(failed?.['costMicroUsd']).toBeGreaterThan(0)
    expect(events.at(-1)?.data).toMatchObject({ outcome: 'cancelled', attempts: 1 })
    expect(second.callCount).toBe(0)
  })

  test.each([true, false])('a client that hangs up before the answer ends the call (streamed: %s)', async (stream) => {
    server.models.script('hang-before-headers')
    const leave = new AbortController()
    const gone = post({ model: 'lattice/default', stream }, leave.signal).catch((error: unknown) => error)
    await eventually('nobody is asked', () => server.models.calls.length === 1)
    leave.abort()
    await gone
    await eventually('the call goes on', () => server.models.calls[0]?.hungUp === true)
    const events = await eventsOfLast()
    expect(events.at(-3)?.data).toMatchObject({ code: 'cancelled', delivered: false })
    expect(events.at(-1)?.data).toMatchObject({ outcome: 'cancelled' })
    expect(second.callCount).toBe(0)
  })

  test('until the first byte another provider takes over', async () => {
    server.models.script({ fault: 'status', status: 401 })
    const text = await (await post({ model: 'lattice/default', stream: true })).text()
    expect(text).toContain('[DONE]')
    expect([server.models.callCount, second.callCount]).toEqual([1, 1])
  })

  test('after the first byte nobody else is asked: the stream ends in an error of its own, without [DONE]', async () => {
    server.models.script('cut-mid-body')
    const response = await post({ model: 'lattice/default', stream: true })
    expect(response.status).toBe(200)
    const events = (await response.text()).split('\n\n').filter((one) => one !== '')
    expect(JSON.parse(events.at(-1)?.replace('data: ', '') ?? '')).toMatchObject({
      error: { type: 'server_error', code: 'cut', param: null },
    })
    expect(events.length).toBeGreaterThan(1)
    expect([server.models.callCount, second.callCount]).toEqual([1, 0])
    const recorded = await eventsOfLast()
    expect(recorded.at(-2)?.data).toMatchObject({ code: 'cut', delivered: true })
    expect(recorded.at(-1)?.data).toMatchObject({ outcome: 'failed', reason: 'cut' })
  })
})
