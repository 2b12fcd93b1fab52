/** Keys from files of their own: which count, which are refused, and that none is ever shown. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LoadedConfig, readConfig } from '#infra/config/config.ts'
import { knownSecrets } from '#infra/config/keys.ts'
import { showConfig } from '#infra/config/show-config.ts'
import { configuredProviders } from '#infra/openai/configured-providers.ts'

let folder = ''
let keys = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-keys-'))
  keys = join(folder, 'keys')
  mkdirSync(keys)
})
afterEach(() => rmSync(folder, { recursive: true }))

function keyFile(provider: string, text: string, mode = 0o600): void {
  const path = join(keys, `${provider}.env`)
  writeFileSync(path, text)
  chmodSync(path, mode)
}

function read(env: Record<string, string> = {}, toml = ''): LoadedConfig {
  if (toml !== '') writeFileSync(join(folder, 'lattice.toml'), toml)
  return readConfig({ env: { LATTICE_KEYS_DIR: keys, ...env }, folder })
}

test('a provider gets its key, URL and model from its file', () => {
  keyFile('openrouter', '# mine\nexport OPENROUTER_API_KEY="sk-or-0123456789"\nOPENROUTER_MODEL=a/b\n')
  const { config, origins } = read()
  expect(config.providers.openrouter).toMatchObject({ apiKey: 'sk-or-0123456789', model: 'a/b' })
  expect(origins.get('providers.openrouter.apiKey')).toMatchObject({ from: 'key file' })
})

test('the environment goes before the file, and the file before lattice.toml', () => {
  keyFile('groq', 'GROQ_API_KEY=gsk_of_the_file\n')
  keyFile('mistral', 'MISTRAL_API_KEY=of_the_file\n')
  const toml = '[providers.mistral]\napi_key = "of_the_toml"\n'
  const { config } = read({ GROQ_API_KEY: 'gsk_of_the_environment' }, toml)
  expect(config.providers.groq.apiKey).toBe('gsk_of_the_environment')
  expect(config.providers.mistral.apiKey).toBe('of_the_file')
})

test('a file of one provider gives no key to another', () => {
  keyFile('kimi', 'OPENAI_API_KEY=sk-0123456789\n')
  expect(read().config.providers.openai.apiKey).toBeUndefined()
})

test.for([0o640, 0o604, 0o644, 0o660, 0o601])('mode %o is refused by name, without the key', (mode) => {
  keyFile('kimi', 'KIMI_API_KEY=sk-secret-0123\n', mode)
  expect(() => read()).toThrow(
    expect.objectContaining({
      code: 'settings.invalid',
      message: expect.stringMatching(/kimi\.env has mode 0\d{3}/),
      remedy: `chmod 600 ${join(keys, 'kimi.env')}`,
    }),
  )
  expect(() => read()).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }))
})

test.for([0o600, 0o400])('mode %o is accepted', (mode) => {
  keyFile('kimi', 'KIMI_API_KEY=sk-secret-0123\n', mode)
  expect(read().config.providers.kimi.apiKey).toBe('sk-secret-0123')
})

test.for(['', 'KIMI_API_KEY=\n', 'KIMI_API_KEY=your_api_key\n', 'OTHER=x\n'])('%j leaves it without a key', (text) => {
  keyFile('kimi', text)
  const { config } = read()
  expect(config.providers.kimi.apiKey).toBeUndefined()
  expect(configuredProviders(config).providers.get('kimi')).toMatchObject({
    state: 'unconfigured',
    missing: 'KIMI_API_KEY is not set, also not by kimi.env in LATTICE_KEYS_DIR',
  })
})

test('what is no folder, and what is no file, is refused by name', () => {
  expect(() => read({ LATTICE_KEYS_DIR: join(folder, 'gone') })).toThrow('gone is no folder')
  mkdirSync(join(keys, 'groq.env'), { mode: 0o700 })
  expect(() => read()).toThrow("groq.env can't be read (EISDIR)")
})

test('every key of a file is a secret, also one that another goes before', () => {
  keyFile('groq', 'GROQ_API_KEY=gsk_of_the_file\n')
  keyFile('house', 'HOUSE_API_KEY=house_of_the_file\n')
  const loaded = read({ GROQ_API_KEY: 'gsk_of_the_environment' }, '[providers.house]\nbase_url = "http://h/v1"\n')
  expect(knownSecrets(loaded.config)).toEqual(
    expect.arrayContaining(['gsk_of_the_file', 'gsk_of_the_environment', 'house_of_the_file']),
  )
  const shown = JSON.stringify(showConfig(loaded))
  for (const secret of knownSecrets(loaded.config)) expect(shown).not.toContain(secret)
})
