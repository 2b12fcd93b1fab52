/**
 * The contract of the event log, on real Redis servers: one that syncs each append, killed and started at will.
 */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { type RedisServer, startRedis } from '#scripts/services/redis.ts'
import { startCuttingProxy } from '#test/contracts/cutting-proxy.ts'
import { describeEventLog } from '#test/contracts/event-log.ts'
import type { RedisSpace } from './redis-opener.ts'

let server: RedisServer
let admin: Redis

beforeAll(async () => {
  server = await startRedis({ fsync: 'always' })
  admin = new Redis(server.url)
  admin.on('error', () => {})
})

afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

function harness(partitions: number): Parameters<typeof describeEventLog<RedisSpace>>[1] {
  return {
    prepare: () => Promise.resolve({ url: server.url, namespace: `t-${randomBytes(6).toString('hex')}`, partitions }),
    open: async (space) => await openRedisEventLog(space),
    opener: (space) => ({ module: new URL('redis-opener.ts', import.meta.url).href, given: space }),
    clear: forget,
    async trim(space, topic, partition, before) {
      const id = await admin.get(`${space.namespace}:id`)
      await admin.xtrim(`${space.namespace}:{${id}:${topic}:${partition}}`, 'MINID', `${before + 1}`)
    },
    recreate: forget,
    server: {
      kill: () => server.kill(),
      start: () => server.restart(),
    },
    async openThroughProxy(space) {
      const proxy = await startCuttingProxy({ host: '127.0.0.1', port: server.port })
      return { log: await openRedisEventLog({ ...space, url: `redis://${proxy.host}:${proxy.port}` }), proxy }
    },
  }
}

async function forget({ namespace }: RedisSpace): Promise<void> {
  const keys = await admin.keys(`${namespace}:*`)
  if (keys.length > 0) await admin.del(keys)
}

describeEventLog('redis', harness(1))
describeEventLog('redis, three partitions', harness(3))
