/** The providers of a process, from its settings to an answer. */
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { readConfig } from '#infra/config/config.ts'
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
