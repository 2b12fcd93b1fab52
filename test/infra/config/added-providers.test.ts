/** Providers, tiers and equals that a user writes into lattice.toml. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LoadedConfig, readConfig } from '#infra/config/config.ts'
import { knownSecrets } from '#infra/config/keys.ts'
import { showConfig } from '#infra/config/show-config.ts'
import { configuredProviders } from '#infra/openai/configured-providers.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-added-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function read(toml: string, env: Record<string, string> = {}): LoadedConfig {
  writeFileSync(join(folder, 'lattice.toml'), toml)
  return readConfig({ env, folder })
}

const house = '[providers.house]\nbase_url = "http://10.0.0.7:8000/v1"\n'

test('a provider without a word of a key needs none', () => {
  const { config } = read(`${house}model = "m"\nlocal = true\n`)
  expect(configuredProviders(config).providers.get('house')).toMatchObject({
    baseUrl: 'http://10.0.0.7:8000/v1',
    local: true,
    model: 'm',
    state: 'ready',
  })
})

test('its key is in the file, or in the variable the file names, or in one named after it', () => {
  expect(read(`${house}api_key = "hk-0123456789"\n`).config.addedProviders['house']?.apiKey).toBe('hk-0123456789')
  const named = `${house}api_key_env = "OUR_KEY"\n`
  expect(read(named, { OUR_KEY: 'hk-1' }).config.addedProviders['house']?.apiKey).toBe('hk-1')
  expect(read(house, { HOUSE_API_KEY: 'hk-2' }).config.addedProviders['house']?.apiKey).toBe('hk-2')
})

test('without the key it speaks of it is not registered, and says which variable', () => {
  const { config } = read(`${house}api_key_env = "OUR_KEY"\n`)
  expect(configuredProviders(config).providers.get('house')).toMatchObject({
    state: 'unconfigured',
    missing: 'OUR_KEY is not set',
  })
  expect(configuredProviders(read(`${house}api_key = "your_api_key"\n`).config).providers.get('house')?.state).toBe(
    'unconfigured',
  )
})

test('its key is a secret like any other', () => {
  const loaded = read(`${house}api_key = "hk-0123456789"\n`)
  expect(knownSecrets(loaded.config)).toContain('hk-0123456789')
  expect(showConfig(loaded).find(({ name }) => name === 'addedProviders.house.apiKey')?.value).toBe('****')
})

test('it may stand in the order, or be the one that is asked', () => {
  expect(configuredProviders(read(`provider_order = ["house", "groq"]\n${house}`).config).order).toEqual([
    'house',
    'groq',
  ])
  expect(read(house, { LATTICE_PROVIDER: 'house' }).config.provider).toBe('house')
  expect(() => read(house, { LATTICE_PROVIDER: 'hose' })).toThrow('house, custom, lattice')
})

test('it joins no order by itself', () => {
  const { config } = read(house, { OPENROUTER_API_KEY: 'sk-or-0123456789' })
  expect(config.providerOrder).toEqual(['groq', 'gemini', 'openai', 'lmstudio', 'ollama'])
})

test('a tier is one model or several, in order; the environment goes before', () => {
  const toml = '[models]\nlocal_fast = "qwen3.5:latest"\ncloud_judge = ["kimi-k2.6:cloud", "groq/x"]\n'
  expect(read(toml).config.tiers).toMatchObject({
    local_fast: ['qwen3.5:latest'],
    cloud_judge: ['kimi-k2.6:cloud', 'groq/x'],
    frontier_arch: [],
  })
  expect(read(toml, { LATTICE_TIER_LOCAL_FAST: 'llama3.2' }).config.tiers.local_fast).toEqual(['llama3.2'])
})

test('equals, weak models and models that refuse a temperature are lists by name', () => {
  const { config } = read(`
    [models]
    weak_models = ["qwen3.5:latest", "qwen3:latest"]
    refuses_temperature = "strict-1"
    [fallbacks]
    "groq/openai/gpt-oss-20b" = ["openrouter/openai/gpt-oss-20b", "ollama/gpt-oss:20b"]
    "qwen3.5:latest" = "qwen3:latest"
  `)
  expect(config).toMatchObject({
    weakModels: ['qwen3.5:latest', 'qwen3:latest'],
    refusesTemperature: ['strict-1'],
    fallbacks: {
      'groq/openai/gpt-oss-20b': ['openrouter/openai/gpt-oss-20b', 'ollama/gpt-oss:20b'],
      'qwen3.5:latest': ['qwen3:latest'],
    },
  })
})
