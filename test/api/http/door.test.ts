/** Where the door may stand, and what opens it. */
import { expect, test } from 'vitest'
import { openDoor } from '#api/http/door.ts'
import { readTokensFile } from '#infra/config/tokens-file.ts'
import { isFailure } from '#processors/ports/failure.ts'

const none = { authToken: undefined, tokensFile: undefined }

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (isFailure(error, 'settings.invalid')) return error.message
  }
  return ''
}

test.for(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('%s needs no token', (host) => {
  expect(openDoor({ host, ...none }).size).toBe(0)
})

test.for(['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.0.0.1.example.org', 'localhost.example.org', ''])(
  '%s needs one',
  (host) => {
    expect(refusal(() => openDoor({ host, ...none }))).toContain('no token is set')
    expect([...openDoor({ host, ...none, authToken: 'a-long-secret' })]).toEqual([['a-long-secret', 'token']])
  },
)

test('a tokens file names principals, beside the token of the settings', () => {
  const tokensFile = { tokens: new Map([['token-of-alice', 'alice']]) }
  expect([...openDoor({ host: '0.0.0.0', authToken: 'a-long-secret', tokensFile })]).toEqual([
    ['a-long-secret', 'token'],
    ['token-of-alice', 'alice'],
  ])
})

test('a tokens file that is refused or empty protects nothing', () => {
  const gone = readTokensFile('/nowhere/tokens')
  for (const host of ['0.0.0.0', '127.0.0.1']) {
    expect(refusal(() => openDoor({ host, authToken: 'a-long-secret', tokensFile: gone }))).toContain('cannot be read')
    const tokensFile = { tokens: new Map<string, string>() }
    expect(refusal(() => openDoor({ host, authToken: undefined, tokensFile }))).toContain('holds no token')
  }
})
