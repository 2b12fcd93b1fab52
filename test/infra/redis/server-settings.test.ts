/** What an acknowledgement survives, from the settings Redis shows. */
import { expect, test } from 'vitest'
import { durabilityOf } from '#infra/redis/server-settings.ts'

test.for([
  [{ appendonly: 'yes', fsync: 'always', lazyWhileRewriting: false }, /always.*synced to disk/, false],
  [{ appendonly: 'yes', fsync: 'always', lazyWhileRewriting: true }, /no-appendfsync-on-rewrite/, true],
  [{ appendonly: 'yes', fsync: 'everysec', lazyWhileRewriting: false }, /everysec.*last second/, true],
  [{ appendonly: 'yes', fsync: 'no', lazyWhileRewriting: false }, /appendfsync no/, true],
  [{ appendonly: 'yes', fsync: undefined, lazyWhileRewriting: false }, /not shown/, true],
  [{ appendonly: 'no', fsync: 'always', lazyWhileRewriting: false }, /appendonly no/, true],
  [{ appendonly: undefined, fsync: undefined, lazyWhileRewriting: false }, /unknown/, true],
] as const)('%j', ([settings, says, warns]) => {
  const { survives, warning } = durabilityOf(settings)
  expect(survives).toMatch(says)
  expect(warning !== undefined).toBe(warns)
})
