/** Where a setting's value comes from, and what stops the process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ConfigSources, type LoadedConfig, readConfig } from '#infra/config/config.ts'
import { everySetting } from '#infra/config/settings.ts'
import { Failure } from '#processors/ports/failure.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function read(given: Omit<ConfigSources, 'folder'> = {}): LoadedConfig {
  return readConfig({ env: {}, folder, ...given })
}

function failureOf(work: () => unknown): Failure {
  try {
    work()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it did not fail')
}

const file = (name: string, text: string): void => writeFileSync(join(folder, name), text)

describe('without anything set', () => {
  test('the defaults are those of the documentation, with paths below the folder', () => {
    const { config } = read()
    expect(config).toMatchObject({
      data: join(folder, 'data'),
      log: `embedded:${join(folder, 'data')}`,
      runsDir: join(folder, 'runs'),
      host: '127.0.0.1',
      port: 8300,
      providerOrder: ['groq', 'gemini', 'openai', 'lmstudio', 'ollama'],
      useRag: true,
      temperature: 0.2,
      ragMaxIngest: 20,
      claimCheckBytes: 262_144,
    })
    expect(config.maxTokens).toBeUndefined()
    expect(config.providers.groq).toEqual({ apiKey: undefined, baseUrl: undefined, model: undefined })
  })

  test('every value says it is a default', () => {
    const { origins } = read()
    expect([...origins.keys()].sort()).toEqual([...everySetting.keys()].sort())
    expect(new Set([...origins.values()].map(({ from }) => from))).toEqual(new Set(['default']))
  })

  test('the configuration cannot be changed afterwards', () => {
    const { config } = read({ env: { LATTICE_CORS_ORIGINS: 'a,b' } })
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError)
    expect(() => Object.assign(config.providers.groq, { apiKey: 'x' })).toThrow(TypeError)
    expect(() => (config.corsOrigins as string[]).push('c')).toThrow(TypeError)
  })
})

describe('precedence', () => {
  test('a flag goes before the environment, that before .env, that before lattice.toml', () => {
    file('lattice.toml', '[http]\nport = 1\n')
    expect(read().config.port).toBe(1)
    expect(read().origins.get('port')).toEqual({ from: 'file', name: `${join(folder, 'lattice.toml')}:2 (http.port)` })
    file('.env', 'LATTICE_PORT=2\n')
    expect(read().config.port).toBe(2)
    expect(read().origins.get('port')).toEqual({ from: '.env', name: 'LATTICE_PORT' })
    const env = { LATTICE_PORT: '3' }
    expect(read({ env }).config.port).toBe(3)
    expect(read({ env }).origins.get('port')).toEqual({ from: 'environment', name: 'LATTICE_PORT' })
    expect(read({ env, flags: { port: 4 } }).config.port).toBe(4)
    expect(read({ env, flags: { port: 4 } }).origins.get('port')).toEqual({ from: 'flag', name: '--port' })
  })

  test('a variable that is set but empty means "not set", and hides the file', () => {
    file('lattice.toml', 'model = "from-file"\n')
    file('.env', 'GROQ_API_KEY=gsk_real_key\n')
    const { config } = read({ env: { LATTICE_MODEL: '', GROQ_API_KEY: ' ' } })
    expect(config.model).toBeUndefined()
    expect(config.providers.groq.apiKey).toBeUndefined()
  })

  test('a relative path is relative to where it is written', () => {
    mkdirSync(join(folder, 'etc'))
    file('etc/lattice.toml', 'data = "state"\nlog = "embedded:log"\n')
    const { config } = read({ env: { LATTICE_CONFIG: 'etc/lattice.toml', LATTICE_RUNS_DIR: 'r' } })
    expect(config).toMatchObject({
      configFile: join(folder, 'etc/lattice.toml'),
      data: join(folder, 'etc/state'),
      log: `embedded:${join(folder, 'etc/log')}`,
      runsDir: join(folder, 'r'),
    })
  })

  test('the embedded log goes where the data goes', () => {
    for (const env of [{ LATTICE_DATA: '/x/y' }, { LATTICE_DATA: '/x/y', LATTICE_LOG: 'embedded:' }]) {
      expect(read({ env }).config.log).toBe('embedded:/x/y')
    }
  })
})

describe('.env in the current folder', () => {
  test('quotes, comments, export and a byte order mark are understood', () => {
    file('.env', '\uFEFFGROQ_API_KEY="gsk_abcdef123"  # mine\nexport LATTICE_MODEL=\'m\'\n# LATTICE_PORT=1\n')
    const { config } = read()
    expect(config.providers.groq.apiKey).toBe('gsk_abcdef123')
    expect(config.model).toBe('m')
    expect(config.port).toBe(8300)
  })

  test('a folder of that name is none of our business', () => {
    mkdirSync(join(folder, '.env'))
    expect(read().config.port).toBe(8300)
  })
})

describe('values', () => {
  test.for([
    ['1', true],
    ['0', false],
    ['TRUE', true],
    ['off', false],
  ] as const)('LATTICE_USE_RAG=%s is %s', ([text, value]) => {
    expect(read({ env: { LATTICE_USE_RAG: text } }).config.useRag).toBe(value)
  })

  test('all provider variables of the documentation are read', () => {
    const env = {
      GROQ_API_KEY: 'gsk_1234567',
      GROQ_BASE_URL: 'https://api.groq.com/openai/v1',
      GEMINI_API_KEY: 'AIza1234567',
      GEMINI_BASE_URL: 'https://example.org/v1',
      OPENAI_API_KEY: 'sk-1234567',
      LMSTUDIO_BASE_URL: 'http://localhost:1234/v1',
      OLLAMA_URL: 'http://llm-engine:11434',
      OLLAMA_MODEL: 'phi2',
    }
    const { providers } = read({ env }).config
    expect(providers).toMatchObject({
      groq: { apiKey: 'gsk_1234567', baseUrl: 'https://api.groq.com/openai/v1' },
      gemini: { apiKey: 'AIza1234567', baseUrl: 'https://example.org/v1' },
      openai: { apiKey: 'sk-1234567' },
      lmstudio: { baseUrl: 'http://localhost:1234/v1' },
      ollama: { baseUrl: 'http://llm-engine:11434', model: 'phi2' },
    })
  })

  test.for([
    'embedded:./d',
    'redis://127.0.0.1:6379/2',
    'rediss://user:pass@cache.example:6380',
    'kafka://a:9092,b:9092',
    'kafka://user:pass@a:9092',
    'kafka+ssl://user:pass@a:9092,b:9092',
  ])('LATTICE_LOG may be %s', (log) => {
    expect(read({ env: { LATTICE_LOG: log } }).config.log).toMatch(/^(embedded|rediss?|kafka|kafka\+ssl):/)
  })

  test.for([
    ['LATTICE_PORT', 'abc', '65535'],
    ['LATTICE_PORT', '65536', '65535'],
    ['LATTICE_PORT', '8e3', '65535'],
    ['LATTICE_TEMPERATURE', '2.5', 'from 0 to 2'],
    ['LATTICE_TEMPERATURE', '.', 'from 0 to 2'],
    ['LATTICE_MAX_TOKENS', '0', '1 or more'],
    ['LATTICE_USE_RAG', 'maybe', '1 or 0'],
    ['LATTICE_PROVIDER', 'grok', 'groq, gemini'],
    ['LATTICE_PROVIDER_ORDER', 'groq,nobody', 'groq, gemini'],
    ['LATTICE_PROVIDER_ORDER', ',', 'groq, gemini'],
    ['LATTICE_BASE_URL', 'localhost:1234', 'http://'],
    ['LATTICE_LOG', 'mysql://x', 'redis://'],
    ['LATTICE_LOG', 'kafka:', 'kafka://[user:password@]host:port'],
    ['LATTICE_LOG', 'redis://', 'redis://[user:password@]host:port'],
    ['LATTICE_LOG', 'redis://lat:12/Secret1@h:1', "'redis://h:1'"],
    ['LATTICE_LOG', 'redis://lat:12?Secret1@h:1', "'redis://h:1'"],
    ['LATTICE_LOG', 'redis://lat:Wr#Secret1@h:1', "'redis://h:1'"],
    ['LATTICE_LOG', 'kafka://lat:pa/Secret1@h:1', "'kafka://h:1'"],
    ['LATTICE_LOG', 'redis://lat:pw%zz@h:1', 'percent-encoded'],
    ['LATTICE_LOG_LEVEL', 'loud', 'info'],
    ['LATTICE_LOG_NAMESPACE', 'a b', 'underscore'],
    ['LATTICE_RAG_THRESHOLD', '1.5', 'from 0 to 1'],
  ] as const)('%s=%s is refused by name, with what is allowed', ([name, value, allowed]) => {
    const failure = failureOf(() => read({ env: { [name]: value } }))
    expect(failure.code).toBe('settings.invalid')
    expect(failure.message).toContain(name)
    expect(failure.message).toContain(allowed)
  })

  test('a password in an address that is refused is not repeated', () => {
    const failure = failureOf(() => read({ env: { LATTICE_LOG: 'redsi://user:hunter22@host' } }))
    expect(failure.message).not.toContain('hunter22')
  })

  test('a key with a character no header can carry is refused without being shown', () => {
    const failure = failureOf(() => read({ env: { GROQ_API_KEY: 'gsk_12345\n67890' } }))
    expect(failure.message).toContain('GROQ_API_KEY')
    expect(failure.message).not.toContain('12345')
  })

  test('an auth token that is a placeholder is refused: it would protect nothing', () => {
    expect(failureOf(() => read({ env: { LATTICE_AUTH_TOKEN: 'changeme' } })).message).toContain('LATTICE_AUTH_TOKEN')
  })

  test('provider custom needs a base URL', () => {
    expect(failureOf(() => read({ env: { LATTICE_PROVIDER: 'custom' } })).message).toContain('LATTICE_BASE_URL')
  })

  test('misspelt variables are listed', () => {
    const env = { LATTICE_PROVIDR: 'groq', LATTICE_PORT: '1', LATTICE_TEST_REDIS: 'x', OTHER: 'y' }
    expect(read({ env }).unknownVariables).toEqual(['LATTICE_PROVIDR'])
  })
})
