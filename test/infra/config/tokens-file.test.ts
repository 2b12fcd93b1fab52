/** Names and tokens in a file, and what a server says of a file that is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readTokensFile } from '#infra/config/tokens-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'lattice-tokens-'))
afterAll(() => rmSync(folder, { recursive: true }))

function read(text: string) {
  const path = join(folder, 'tokens')
  writeFileSync(path, text)
  return readTokensFile(path)
}

test('it names principals; comments and empty lines are passed over', () => {
  const { tokens, refused } = read('# who may ask\n\nalice  token-of-alice\r\nbob\ttoken-of-bob\n')
  expect([...tokens]).toEqual([
    ['token-of-alice', 'alice'],
    ['token-of-bob', 'bob'],
  ])
  expect(refused).toBeUndefined()
})

test('a line that is no name and token is named by its number and not quoted; the other tokens are known', () => {
  for (const line of ['only-a-secret-token', 'alice short', 'alice a token-with-spaces']) {
    const { tokens, refused } = read(`bob token-of-bob\n${line}\neve token-of-eve\n`)
    expect(refused).toMatchObject({ code: 'settings.invalid', message: expect.stringContaining('line 2') })
    expect(refused?.message).not.toMatch(/token-with|only-a-secret/)
    expect([...tokens.values()]).toEqual(['bob', 'eve'])
  }
})

test('one that cannot be read has no token, and says so', () => {
  const { tokens, refused } = readTokensFile(join(folder, 'missing'))
  expect(tokens.size).toBe(0)
  expect(refused).toMatchObject({ code: 'settings.invalid', message: expect.stringContaining('cannot be read') })
})
