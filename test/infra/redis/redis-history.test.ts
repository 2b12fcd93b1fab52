/** A Redis that is not there, which needs none. */
import { expect, test } from 'vitest'
import { openHistory } from '#infra/redis/redis-history.ts'

test('a server that is not there is waited for as long as the caller says, and named with what to check', async () => {
  const began = performance.now()
  const opening = openHistory({ url: 'redis://:s3cr3t@127.0.0.1:9', connectMs: 300 })
  await expect(opening).rejects.toMatchObject({
    code: 'log.unavailable',
    message: expect.stringMatching(/^connecting failed on redis:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/),
    remedy: 'Check that Redis runs there and can be reached.',
  })
  const tookMs = performance.now() - began
  expect(tookMs).toBeGreaterThanOrEqual(299)
  // By itself it would wait for 5 s.
  expect(tookMs).toBeLessThan(4_000)
})
