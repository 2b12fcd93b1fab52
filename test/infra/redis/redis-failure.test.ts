/** What Redis says, as what it means to whoever appends. */
import { ReplyError } from 'ioredis'
import { expect, test } from 'vitest'
import { NotConnected, failureOf, troubleOf } from '#infra/redis/redis-failure.ts'

const reply = (message: string): Error => new (ReplyError as new (message: string) => Error)(message)

test.for([
  ["OOM command not allowed when used memory > 'maxmemory'.", 'full', 'log.full'],
  ['ERR Error running script: @user_script:30: -OOM command not allowed', 'full', 'log.full'],
  ['MISCONF Errors writing to the AOF file: No space left on device', 'full', 'log.full'],
  ['MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk', 'not-now', 'log.unavailable'],
  ['LOADING Redis is loading the dataset in memory', 'not-now', 'log.unavailable'],
  ["READONLY You can't write against a read only replica.", 'not-now', 'log.unavailable'],
  ['NOPERM this user has no permissions to run the evalsha command', 'forbidden', 'log.unavailable'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'forbidden', 'log.unavailable'],
  ['ERR unknown command', 'refused', 'log.unavailable'],
] as const)('the reply "%s" is %s', ([message, trouble, code]) => {
  expect(troubleOf(reply(message))).toBe(trouble)
  expect(failureOf(reply(message), { doing: 'appending', address: 'redis://here' }).code).toBe(code)
})

test('only a connection that was not there is surely unsent; one that was lost may have carried the command', () => {
  expect(troubleOf(new NotConnected('refused'))).toBe('unsent')
  expect(troubleOf(new Error("Stream isn't writeable and enableOfflineQueue options is false"))).toBe('unsent')
  expect(troubleOf(new Error('read ECONNRESET'))).toBe('cut')
  expect(troubleOf(new Error('Connection is closed.'))).toBe('cut')
})
