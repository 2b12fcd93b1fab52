/** The providers of a process, from its settings to an answer. */
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { readConfig } from '#infra/config/config.ts'
import { openOpenAiModelProvider } from '#infra/openai/openai-model-provider.ts'
import { openProviders } from '#infra/openai/open-providers.ts'
import { routeModel } from '#processors/models/route-model.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'

const limits = { timeoutMs: 5000, signal: new AbortController().signal }

function openWith(env: Record<string, string>) {
  return openProviders(readConfig({ env, folder: tmpdir() }).config, () => {
    throw new Error('nothing here speaks the API of Ollama itself')
  })
}

test('the chosen provider is asked at its URL with its key and model', async () => {
  await using server = await startFakeOpenAi()
  const opened = await openWith({ GROQ_API_KEY: 'gsk_0123456789', LATTICE_BASE_URL: server.url, LATTICE_MODEL: 'mine' })
  const [choice] = routeModel(opened.chain, new Map()).choices
  expect(choice).toEqual({ provider: 'groq', model: 'mine' })
  const reply = await opened.providers.get('groq')?.complete({ model: 'mine', messages: [], parameters: {} }, limits)
  expect(reply).toMatchObject({ ok: true, content: 'ok' })
  expect(server.calls[0]?.headers.authorization).toBe('Bearer gsk_0123456789')
  await opened.close()
})

test('a provider without a key is not opened', async () => {
  const opened = await openWith({ GROQ_API_KEY: 'gsk_0123456789' })
  expect([...opened.providers.keys()]).toEqual(['groq', 'lmstudio', 'ollama'])
  await opened.close()
})

test('local servers of the order are found with the models they have; others are not asked', async () => {
  await using server = await startFakeOpenAi({ models: ['nomic-embed-text', 'qwen3:4b'] })
  const opened = await openWith({ OLLAMA_URL: server.url.replace('/v1', ''), LATTICE_PROVIDER_ORDER: 'ollama' })
  const answering = await opened.probeLocal(2000)
  expect([...answering]).toEqual([['ollama', ['nomic-embed-text', 'qwen3:4b']]])
  expect(routeModel(opened.chain, answering).choices).toEqual([{ provider: 'ollama', model: 'qwen3:4b' }])
  await opened.close()
})

test('a base URL that ends in /api is opened in the API of Ollama itself, any other one is not', async () => {
  const asked: string[] = []
  const env = {
    OLLAMA_URL: 'http://127.0.0.1:1/api/',
    OLLAMA_CLOUD_KEY: 'ok-0123456789',
    GROQ_API_KEY: 'gsk_0123456789',
  }
  const opened = await openProviders(readConfig({ env, folder: tmpdir() }).config, async () => (options) => {
    asked.push(`${options.name} ${options.baseUrl}`)
    return openOpenAiModelProvider(options)
  })
  expect(asked).toEqual(['ollama http://127.0.0.1:1/api/', 'ollama_cloud https://ollama.com/api'])
  await opened.close()
})

test('one provider is asked for its models; one without a key says what is missing', async () => {
  await using server = await startFakeOpenAi({ models: ['a', 'b'] })
  const opened = await openWith({ GROQ_API_KEY: 'gsk_0123456789', GROQ_BASE_URL: server.url })
  expect(await opened.list('groq', 2000)).toEqual({ answers: true, models: ['a', 'b'], reason: '' })
  expect(await opened.list('kimi', 2000)).toEqual({ answers: false, models: [], reason: 'KIMI_API_KEY is not set' })
  await opened.close()
})
