/** The list of what must never be seen. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '#infra/config/config.ts'
import { knownSecrets } from '#infra/config/keys.ts'
import { showConfig } from '#infra/config/show-config.ts'

const env = {
  GROQ_API_KEY: 'gsk_groq_key_1',
  OPENAI_API_KEY: 'your_api_key',
  LMSTUDIO_API_KEY: 'abc',
  LATTICE_AUTH_TOKEN: 'token-of-the-api',
  LATTICE_LOG: 'redis://app:p%40ssword@cache.example:6379',
  LATTICE_SCHEMA_REGISTRY: 'https://registry-user:registry-pass@registry.example',
  OLLAMA_URL: 'http://me:ollama-pass@127.0.0.1:11434',
  LATTICE_MODEL: 'some-model',
}
const loaded = readConfig({ env, folder: tmpdir() })

test('keys, tokens and passwords in addresses are known, in each form they may take', () => {
  const basic = Buffer.from('me:ollama-pass').toString('base64')
  expect(knownSecrets(loaded.config)).toEqual(
    expect.arrayContaining(['gsk_groq_key_1', 'token-of-the-api', 'p%40ssword', 'p@ssword', 'registry-pass', basic]),
  )
})

test('tokens of the tokens file are known, whatever else stands in it; a file that is gone has none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-tokens-'))
  try {
    writeFileSync(
      join(folder, 'tokens'),
      '# people\r\n\nanalyst  token-of-analyst\r\nshort abc\nno token on this line\n# off commented-token\n',
    )
    const of = (name: string) => knownSecrets(readConfig({ env: { LATTICE_TOKENS_FILE: name }, folder }).config)
    expect(of('tokens')).toEqual(['token-of-analyst'])
    expect(of('gone')).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('placeholders, short texts and what is no secret are not', () => {
  for (const other of ['your_api_key', 'abc', 'some-model', 'app'])
    expect(knownSecrets(loaded.config)).not.toContain(other)
})

test('a longer secret comes before one it contains', () => {
  const lengths = knownSecrets(loaded.config).map(({ length }) => length)
  expect(lengths).toEqual(lengths.toSorted((a, b) => b - a))
})

test('no secret is in the configuration as it is shown', () => {
  const shown = JSON.stringify(showConfig(loaded))
  for (const secret of knownSecrets(loaded.config)) expect(shown).not.toContain(secret)
  expect(shown).toContain('cache.example')
  expect(showConfig(loaded).find(({ variable }) => variable === 'GROQ_API_KEY')).toMatchObject({
    value: '****',
    origin: { from: 'environment' },
  })
  expect(showConfig(loaded).find(({ variable }) => variable === 'OPENAI_API_KEY')?.value).toBeUndefined()
})
