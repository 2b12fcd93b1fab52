/** Embeddings and health, from a real server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import { openOpenAiModelProvider } from '#infra/openai/openai-model-provider.ts'
import { type FakeOpenAi, startFakeOpenAi } from '#test/fakes/openai-server.ts'

let server: FakeOpenAi
let provider: OpenedModelProvider

beforeAll(async () => {
  server = await startFakeOpenAi({ models: ['a', 'b'] })
  provider = openAt(server.url)
})
afterAll(async () => {
  await provider.close()
  await server.close()
})

function openAt(baseUrl: string): OpenedModelProvider {
  return openOpenAiModelProvider({ name: 'x', baseUrl, defaultModel: 'm', apiKey: 'sk-0123456', keyVariable: 'X_KEY' })
}

const limits = () => ({ timeoutMs: 5000, signal: new AbortController().signal })

test("the body is handed back whole, and the caller's fields are sent untouched", async () => {
  const request = { model: 'm', input: ['a', 'b'], parameters: { dimensions: 4, encoding_format: 'base64', user: 'u' } }
  const reply = await provider.embed?.(request, limits())
  expect(reply).toMatchObject({ ok: true, content: '', promptTokens: 6 })
  const { data } = JSON.parse(reply?.raw ?? '') as { data: { embedding: string }[] }
  expect(data.map(({ embedding }) => Buffer.from(embedding, 'base64').length)).toEqual([16, 16])
  expect(server.calls.at(-1)?.path).toBe('/v1/embeddings')
  expect(JSON.parse(server.calls.at(-1)?.body ?? '')).toEqual({ model: 'm', input: ['a', 'b'], ...request.parameters })
  expect([server.callCount, server.embeddingCount]).toEqual([0, 1])
})

test.for([
  [{ fault: 'status', status: 404 }, 'rejected'],
  ['rate-limited', 'rate-limited'],
  ['error-object', 'error-body'],
  ['html', 'not-json'],
  ['empty-body', 'empty-body'],
  ['invalid-utf8', 'not-json'],
  ['cut-mid-body', 'cut'],
  [{ fault: 'body', bodyBase64: Buffer.from('{"choices":[]}').toString('base64') }, 'malformed'],
] as const)('%j is %s', async ([fault, code]) => {
  server.script(fault)
  const reply = await provider.embed?.({ model: 'm', input: 'a', parameters: {} }, limits())
  expect(reply).toMatchObject({ ok: false, code })
})

describe('health', () => {
  test('tells how many models there are', async () => {
    expect(await provider.health?.(limits())).toEqual({ answers: true, detail: '2 models' })
  })

  test('a server without a list of models answers all the same', async () => {
    await using bare = await startFakeOpenAi()
    const open = openAt(bare.url)
    expect(await open.health?.(limits())).toMatchObject({ answers: true, detail: expect.stringContaining('404') })
    await bare.close()
    expect(await open.health?.(limits())).toMatchObject({
      answers: false,
      detail: expect.stringContaining('nothing listens there'),
    })
    await open.close()
  })
})
