/** The contract of the work share, on a real Redis. */
import { randomBytes } from 'node:crypto'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { openRedisWorkShare } from '#infra/redis/redis-work-share.ts'
import { type RedisServer, startRedis } from '#scripts/services/redis.ts'
import { describeWorkShare } from '#test/contracts/work-share.ts'
import { afterAll, beforeAll } from 'vitest'
import type { RedisSpace } from './redis-opener.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})

afterAll(async () => {
  await server.stop()
})

function harness(partitions: number): Parameters<typeof describeWorkShare<RedisSpace>>[1] {
  return {
    prepare: () => Promise.resolve({ url: server.url, namespace: `t-${randomBytes(6).toString('hex')}`, partitions }),
    openLog: async (space) => await openRedisEventLog(space),
    openShare: async (space) => await openRedisWorkShare(space),
    opener: (space) => ({ module: new URL('redis-opener.ts', import.meta.url).href, given: space }),
    clear: () => Promise.resolve(),
  }
}

describeWorkShare('redis', harness(1))
describeWorkShare('redis, three partitions', harness(3))
