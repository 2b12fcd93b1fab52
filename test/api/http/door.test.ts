/** Where the door may stand, and what opens it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openDoor } from '#api/http/door.ts'
import { isFailure } from '#processors/ports/failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'lattice-door-'))
afterAll(() => rmSync(folder, { recursive: true }))

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

test('a tokens file names principals; comments and empty lines are passed over', () => {
  const tokensFile = join(folder, 'tokens')
  writeFileSync(tokensFile, '# who may ask\n\nalice  token-of-alice\r\nbob\ttoken-of-bob\n')
  expect([...openDoor({ host: '0.0.0.0', authToken: undefined, tokensFile })]).toEqual([
    ['token-of-alice', 'alice'],
    ['token-of-bob', 'bob'],
  ])
})

test('a line that is no name and token is named by its number and not quoted', () => {
  const tokensFile = join(folder, 'wrong')
  for (const line of ['only-a-secret-token', 'alice short', 'alice a token-with-spaces']) {
    writeFileSync(tokensFile, `bob token-of-bob\n${line}\n`)
    const message = refusal(() => openDoor({ host: '127.0.0.1', authToken: undefined, tokensFile }))
    expect(message).toContain('line 2')
    expect(message).not.toContain('token-with')
    expect(message).not.toContain('only-a-secret')
  }
})

test('a tokens file that is missing or empty protects nothing', () => {
  expect(
    refusal(() => openDoor({ host: '127.0.0.1', authToken: undefined, tokensFile: join(folder, 'missing') })),
  ).toContain('cannot be read')
  const tokensFile = join(folder, 'empty')
  writeFileSync(tokensFile, '# nobody yet\n')
  for (const host of ['0.0.0.0', '127.0.0.1'])
    expect(refusal(() => openDoor({ host, authToken: undefined, tokensFile }))).toContain('holds no token')
})
