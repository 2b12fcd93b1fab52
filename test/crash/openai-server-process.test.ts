/** The fake model server that crash tests count calls at. */
import { expect, test } from 'vitest'
import { openOpenAiModelProvider } from '#infra/openai/openai-model-provider.ts'
import { startFakeOpenAiProcess } from '#test/fakes/openai-server-process.ts'

const limits = { timeoutMs: 10_000, signal: new AbortController().signal }

test('every call that arrives is counted, also one that is cut off, and faults can be sent to it', async () => {
  await using server = await startFakeOpenAiProcess({ echo: true })
  const provider = openOpenAiModelProvider({ name: 'fake', baseUrl: server.url, defaultModel: 'm' })
  const ask = async (content: string) =>
    await provider.complete({ model: 'm', messages: [{ role: 'user', content }], parameters: {} }, limits)

  const replies = await Promise.all(Array.from({ length: 50 }, async (_, index) => await ask(`question ${index}`)))
  expect(replies.map((reply) => (reply.ok ? reply.content : reply.message))).toEqual(
    replies.map((_, index) => `question ${index}`),
  )
  await server.script({ script: ['cut-before-headers', { fault: 'status', status: 503 }] })
  expect(await ask('x')).toMatchObject({ ok: false, code: 'unreachable' })
  expect(await ask('x')).toMatchObject({ ok: false, code: 'overloaded' })
  expect(await ask('x')).toMatchObject({ ok: true, content: 'x' })
  expect(await server.callCount()).toBe(53)
  await provider.close()
})

test('it streams, each event on its own, and fails in the middle of a stream as told', async () => {
  await using server = await startFakeOpenAiProcess({ answer: 'one two three', chunkSize: 1, chunkDelayMs: 0 })
  const provider = openOpenAiModelProvider({ name: 'fake', baseUrl: server.url, defaultModel: 'm' })
  const events: string[] = []
  const ask = async () =>
    await provider.complete(
      { model: 'm', messages: [], parameters: {} },
      { ...limits, onEvent: (data) => void events.push(data) },
    )
  expect(await ask()).toMatchObject({ ok: true, content: 'one two three' })
  expect(events).toHaveLength('one two three'.length + 2)
  await server.script({ script: ['cut-mid-body', 'split-arguments'] })
  expect(await ask()).toMatchObject({ ok: false, code: 'cut' })
  expect(await ask()).toMatchObject({ ok: true, finishReason: 'tool_calls' })
  expect(await server.callCount()).toBe(3)
  await provider.close()
})
