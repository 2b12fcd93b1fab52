/** lattice.toml: known keys are read, everything else is named with its line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '#infra/config/config.ts'
import { everySetting } from '#infra/config/settings.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-toml-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function withToml(text: string) {
  writeFileSync(join(folder, 'lattice.toml'), text)
  return readConfig({ env: {}, folder })
}

test('values of every kind are read', () => {
  const { config } = withToml(`
    provider_order = ["ollama", "groq"]
    temperature = 0.7
    deadline_ms = 5_000
    [http]
    port = 9000
    cors_origins = "https://a.example, https://b.example"
    [rag]
    use = false
    [providers.groq]
    api_key = "gsk_abcdef"
    model = "openai/gpt-oss-120b"
  `)
  expect(config).toMatchObject({
    providerOrder: ['ollama', 'groq'],
    temperature: 0.7,
    deadlineMs: 5000,
    port: 9000,
    corsOrigins: ['https://a.example', 'https://b.example'],
    useRag: false,
  })
  expect(config.providers.groq).toMatchObject({ apiKey: 'gsk_abcdef', model: 'openai/gpt-oss-120b' })
})

test.for([
  ['an unknown key', 'data = "x"\n\nprot = 1\n', 'line 3: prot is not a setting'],
  ['an unknown key of a table', '[http]\nport = 1\nhots = "x"\n', 'line 3: http.hots is not a setting'],
  ['an unknown table', 'data = "x"\n# comment\n[modles]\na = 1\n', 'line 3: modles is not a setting'],
  ['a provider without a URL', '[providers.grok]\napi_key = "x"\n', 'line 2: providers.grok has no base_url'],
  ['a provider with a name that is taken', '[providers.tier]\nbase_url = "x"\n', 'line 1: providers.tier is not a'],
  ['a key no provider has', '[providers.a]\nbase_url = "http://a"\nkye = "x"\n', 'line 3: providers.a.kye is not a'],
  ['a tier nobody knows', '[models]\nlocal_fsat = "x"\n', 'line 2: models.local_fsat is not a setting'],
  ['a fallback that is no list of names', '[fallbacks]\nx = { y = 1 }\n', "line 2: fallbacks.x can't be a table"],
  ['a dotted key', 'http.port = 1\nhttp.prot = 2\n', 'line 2: http.prot is not a setting'],
  ['a key after a list of several lines', 'provider_order = [\n "groq",\n "gemini",\n]\nx = [\n 1,\n]\n', 'line 5: x'],
  ['a table where a value belongs', '[data]\nx = 1\n', "line 1: data can't be a table"],
  ['a date where a value belongs', 'model = 2026-01-01\n', "line 1: model can't be a table or a date"],
  ['what is not TOML', 'data = "x"\nport = = 1\n', 'line 2: Invalid TOML'],
  ['a value that is not allowed', '\n[http]\nport = "abc"\n', '3 (http.port)'],
] as const)('%s is an error that names the line', ([, text, message]) => {
  expect(() => withToml(text)).toThrow(message)
})

test('known keys name the tables whose keys are yours to name, too', () => {
  const remedy = expect.stringMatching(/^Known keys: data,.*, fallbacks, budgets, prices\.$/)
  expect(() => withToml('budget_usd = 1\n')).toThrow(expect.objectContaining({ remedy }))
})

test('a table whose name lacks its s is told what was meant', () => {
  const remedy = expect.objectContaining({ remedy: 'Did you mean [models]?' })
  expect(() => withToml('[model]\nlocal_fast = "x"\n')).toThrow(remedy)
})

test('the text of the file is in no message', () => {
  expect(() => withToml('[providers.groq]\napi_key = "gsk_secret123\n')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('gsk_secret123') }),
  )
})

test('a file named but missing is an error', () => {
  expect(() => readConfig({ env: { LATTICE_CONFIG: 'gone.toml' }, folder })).toThrow("gone.toml can't be read (ENOENT)")
})

test('every setting but the file itself has its own key', () => {
  const keys = [...everySetting.values()].map(({ toml }) => toml).filter((key) => key !== undefined)
  expect(new Set(keys).size).toBe(keys.length)
  expect(keys.length).toBe(everySetting.size - 1)
})
