/** The settings, resolved to who is asked, where, with which key and model. */
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { readConfig } from '#infra/config/config.ts'
import { configuredProviders } from '#infra/openai/configured-providers.ts'

const groq = { GROQ_API_KEY: 'gsk_0123456789' }
const openai = { OPENAI_API_KEY: 'sk-0123456789' }

function chainOf(env: Record<string, string>) {
  return configuredProviders(readConfig({ env, folder: tmpdir() }).config)
}

function ready(env: Record<string, string>): string[] {
  const { order, providers } = chainOf(env)
  return order.filter((name) => providers.get(name)?.state === 'ready')
}

test('a provider is ready with its key; a local one waits to be found', () => {
  const { order, providers } = chainOf({ ...groq, GEMINI_API_KEY: 'your_api_key' })
  expect(order.map((name) => [name, providers.get(name)?.state])).toEqual([
    ['groq', 'ready'],
    ['gemini', 'unconfigured'],
    ['openai', 'unconfigured'],
    ['lmstudio', 'if-answering'],
    ['ollama', 'if-answering'],
  ])
  expect(providers.get('gemini')?.missing).toBe('GEMINI_API_KEY is not set')
})

test('a local provider is ready once its URL is set, or it is the one named', () => {
  expect(ready({ OLLAMA_URL: 'http://llm-engine:11434' })).toEqual(['ollama'])
  expect(ready({ LATTICE_PROVIDER: 'lmstudio' })).toEqual(['lmstudio'])
})

test('a hosted provider needs no key at an endpoint of the user, and does at its own', () => {
  expect(ready({ OPENAI_BASE_URL: 'http://127.0.0.1:8000/v1', OPENAI_API_KEY: 'sk-xxxxx-or-blank' })).toEqual([
    'openai',
  ])
  expect(ready({ GROQ_BASE_URL: 'https://api.groq.com/openai/v1/' })).toEqual([])
})

test('LATTICE_PROVIDER leaves one provider, LATTICE_PROVIDER_ORDER sets the order', () => {
  expect(chainOf({ ...groq, ...openai, LATTICE_PROVIDER: 'openai' })).toMatchObject({
    order: ['openai'],
    forced: 'openai',
  })
  expect(ready({ ...groq, ...openai, LATTICE_PROVIDER_ORDER: 'openai, groq' })).toEqual(['openai', 'groq'])
})

test('LATTICE_BASE_URL reaches the first configured provider alone', () => {
  const { order, providers } = chainOf({ ...groq, ...openai, LATTICE_BASE_URL: 'http://127.0.0.1:9/v1' })
  expect(order[0]).toBe('groq')
  expect(providers.get('groq')).toMatchObject({ baseUrl: 'http://127.0.0.1:9/v1', apiKey: groq.GROQ_API_KEY })
  expect(providers.get('openai')).toMatchObject({ baseUrl: 'https://api.openai.com/v1' })
})

test('LATTICE_BASE_URL without any key is an endpoint that needs none, asked first', () => {
  const { order, providers } = chainOf({ LATTICE_BASE_URL: 'http://127.0.0.1:9/v1', LATTICE_MODEL: 'm' })
  expect(order[0]).toBe('custom')
  expect(providers.get('custom')).toMatchObject({ state: 'ready', apiKey: undefined, baseUrl: 'http://127.0.0.1:9/v1' })
})

test('LATTICE_BASE_URL with LATTICE_PROVIDER belongs to that provider, with or without its key', () => {
  const env = { ...groq, LATTICE_PROVIDER: 'gemini', LATTICE_BASE_URL: 'http://127.0.0.1:9/v1' }
  const { order, providers } = chainOf(env)
  expect(order).toEqual(['gemini'])
  expect(providers.get('gemini')).toMatchObject({ state: 'ready', apiKey: undefined, baseUrl: 'http://127.0.0.1:9/v1' })
  expect(chainOf({ ...env, LATTICE_PROVIDER: 'custom' }).order).toEqual(['custom'])
})

test('the provider LATTICE_BASE_URL belongs to goes before a local one that may not even run', () => {
  const env = { ...groq, LATTICE_PROVIDER_ORDER: 'ollama,groq', LATTICE_BASE_URL: 'http://127.0.0.1:9/v1' }
  expect(chainOf(env).order).toEqual(['groq', 'ollama'])
})

test('the built-in model can be named as a provider or as a model', () => {
  expect(chainOf({ ...groq, LATTICE_PROVIDER: 'lattice' }).order).toEqual(['lattice'])
  expect(chainOf({ ...groq, LATTICE_MODEL: 'lattice/extract' }).order).toEqual(['lattice'])
  expect(chainOf({ ...groq, LATTICE_PROVIDER_ORDER: 'groq,lattice' }).order).toEqual(['groq', 'lattice'])
})
