/** Every primary result code of SQLite is either a failure a caller can act on, or passed on as the fault of ours it is. */
import { expect, test } from 'vitest'
import { logFailure } from '#infra/embedded/sqlite-error.ts'
import { sqliteFailure } from '#infra/sqlite/sqlite-failure.ts'
import { Failure } from '#processors/ports/failure.ts'

/** Code → what a store makes of it, what the log makes of it. Source: https://sqlite.org/rescode.html */
const codes = [
  [1, 'ERROR', 'ours', 'internal'],
  [2, 'INTERNAL', 'ours', 'internal'],
  [3, 'PERM', 'store.stalled', 'log.unavailable'],
  [4, 'ABORT', 'ours', 'internal'],
  [5, 'BUSY', 'store.locked', 'log.unavailable'],
  [6, 'LOCKED', 'store.locked', 'log.unavailable'],
  [7, 'NOMEM', 'store.stalled', 'log.unavailable'],
  [8, 'READONLY', 'store.stalled', 'log.unavailable'],
  [9, 'INTERRUPT', 'ours', 'internal'],
  [10, 'IOERR', 'store.stalled', 'log.unavailable'],
  [11, 'CORRUPT', 'store.rebuild-required', 'log.damaged'],
  [12, 'NOTFOUND', 'ours', 'internal'],
  [13, 'FULL', 'store.stalled', 'log.full'],
  [14, 'CANTOPEN', 'store.stalled', 'log.unavailable'],
  [15, 'PROTOCOL', 'store.locked', 'log.unavailable'],
  [16, 'EMPTY', 'ours', 'internal'],
  [17, 'SCHEMA', 'store.locked', 'internal'],
  [18, 'TOOBIG', 'ours', 'internal'],
  [19, 'CONSTRAINT', 'ours', 'internal'],
  [20, 'MISMATCH', 'ours', 'internal'],
  [21, 'MISUSE', 'ours', 'internal'],
  [22, 'NOLFS', 'store.stalled', 'log.full'],
  [23, 'AUTH', 'ours', 'internal'],
  [24, 'FORMAT', 'ours', 'internal'],
  [25, 'RANGE', 'ours', 'internal'],
  [26, 'NOTADB', 'store.rebuild-required', 'log.damaged'],
] as const

test.each(codes)('%i %s is %s to a store and %s to the log', (errcode, name, ofStore, ofLog) => {
  // An extended code says more in its upper bytes.
  for (const code of [errcode, errcode + 3 * 256]) {
    const error = Object.assign(new Error(name), { errcode: code })
    const failure = sqliteFailure(error, 'a.sqlite')
    expect(failure instanceof Failure ? failure.code : 'ours').toBe(ofStore)
    if (!(failure instanceof Failure)) expect(failure).toBe(error)
    expect(logFailure(error, 'a.sqlite')).toMatchObject({
      code: ofLog,
      message: expect.stringContaining('a.sqlite') as string,
    })
  }
})

test('what is no error of SQLite is passed on as it is', () => {
  const error = new TypeError('no')
  expect(sqliteFailure(error, 'a')).toBe(error)
  expect(logFailure(error, 'a')).toBe(error)
})
