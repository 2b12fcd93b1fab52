/** All followers of a process wait on one connection, and hear at once. */
import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { type Topic, topicNames } from '#schemas/topics.ts'
import { records } from '#test/contracts/records.ts'
import { ownRedis, streamOf } from './own-redis.ts'

/** Counts what a follower sees; `times` are of this process's clock. */
function follow(log: EventLog, topic: Topic, signal: AbortSignal) {
  const times: number[] = []
  const done = (async () => {
    for await (const batch of log.read({ topic, partition: 0, offset: 0 }, { follow: true, signal })) {
      for (const _ of batch) times.push(performance.now())
    }
  })()
  return { times, done }
}

test('forty followers of all topics hold two connections, and each hears a record within 100 ms (median)', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const writer = await openRedisEventLog({ url: redis.url })
  const stop = new AbortController()
  const followers = topicNames.flatMap((topic) => Array.from({ length: 10 }, () => follow(log, topic, stop.signal)))
  const delays: number[] = []
  for (let lap = 0; lap < 10; lap += 1) {
    for (const topic of topicNames) {
      const sent = performance.now()
      await writer.append(topic, records(1, 'a'))
      const its = followers.slice(topicNames.indexOf(topic) * 10, topicNames.indexOf(topic) * 10 + 10)
      await expect.poll(() => its.every(({ times }) => times.length === lap + 1), { interval: 2 }).toBe(true)
      delays.push(...its.map(({ times }) => (times[lap] ?? 0) - sent))
    }
  }
  const clients = String(await redis.admin.client('LIST')).split('\n')
  expect(clients.filter((line) => line.includes('name=lattice')).length).toBe(3) // two, and the writer's one
  expect(delays.sort((a, b) => a - b)[delays.length >> 1]).toBeLessThan(100)
  stop.abort()
  await Promise.all(followers.map(({ done }) => done))
  await Promise.all([log.close(), writer.close()])
})

test('a follower that comes while the connection is blocked on others is heard at once', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const stop = new AbortController()
  const early = follow(log, 'operations.v1', stop.signal)
  await somebodyBlocked(redis.admin)
  const late = follow(log, 'runs.v1', stop.signal)
  const stream = streamOf(log, 'runs.v1')
  // It is at the end once it is asked for together with the other.
  await expect.poll(async () => await commandsOf(redis.admin, 'client|unblock'), { interval: 2 }).toBeGreaterThan(1)
  const sent = performance.now()
  await redis.admin.xadd(stream, '1-0', 'some', 'thing')
  await expect.poll(() => late.times.length, { interval: 2 }).toBe(1)
  expect((late.times[0] ?? 0) - sent).toBeLessThan(1_000)
  expect(early.times).toEqual([])
  stop.abort()
  await Promise.all([early.done, late.done])
  await log.close()
})

async function somebodyBlocked(admin: Redis): Promise<void> {
  await expect.poll(async () => await admin.info('clients'), { interval: 5 }).toMatch(/blocked_clients:1/)
}

async function commandsOf(admin: Redis, command: string): Promise<number> {
  const lines = (await admin.info('commandstats')).split('\n')
  return Number(/calls=(\d+)/.exec(lines.find((line) => line.startsWith(`cmdstat_${command}:`)) ?? '')?.[1] ?? 0)
}

test('an idle log asks next to nothing', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const stop = new AbortController()
  const followers = topicNames.flatMap((topic) => Array.from({ length: 5 }, () => follow(log, topic, stop.signal)))
  await somebodyBlocked(redis.admin)
  const commands = async () => {
    const [, count] = /total_commands_processed:(\d+)/.exec(await redis.admin.info('stats')) ?? []
    return Number(count)
  }
  const before = await commands()
  const quietUntil = performance.now() + 1_000
  await expect.poll(() => performance.now() > quietUntil, { timeout: 3_000, interval: 100 }).toBe(true)
  expect((await commands()) - before).toBeLessThan(topicNames.length * 5 * 2 + 20)
  stop.abort()
  await Promise.all(followers.map(({ done }) => done))
  await log.close()
})
