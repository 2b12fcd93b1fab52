/** A reader is stopped by name at a hole, wherever it is, and by nothing else. */
import { expect, test } from 'vitest'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { idOf, readAll, records } from '#test/contracts/records.ts'
import { codeOf, ownRedis, streamOf } from './own-redis.ts'

const TOPIC = 'operations.v1'

test.for([1, 4, 8, 9])(
  '[log.ordered] an entry deleted from the stream is log.gap: number %i of ten',
  async (offset) => {
    await using redis = await ownRedis()
    const log = await openRedisEventLog({ url: redis.url })
    await log.append(TOPIC, records(10, 'a'))
    await redis.admin.xdel(streamOf(log, TOPIC), `${offset + 1}-0`)
    expect(await codeOf(readAll(log, TOPIC))).toBe('log.gap')
    expect(await codeOf(readAll(log, TOPIC, 0, 0, { batchSize: 3 }))).toBe('log.gap')
    const appended = await codeOf(log.append(TOPIC, records(1, 'b')))
    expect(appended).toBe(offset === 9 ? 'log.gap' : '')
    expect(await codeOf(readAll(log, TOPIC, 0, 0, { batchSize: 3 }))).toBe('log.gap')
    if (offset < 9) expect((await readAll(log, TOPIC, 0, offset + 1)).length).toBe(10 - offset)
    await log.close()
  },
)

test('[log.same] trimming what a follower has read already does not disturb it', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(10, 'a'))
  const stop = new AbortController()
  const seen: number[] = []
  const following = gather(log, stop.signal, seen)
  await expect.poll(() => seen.length).toBe(10)
  await redis.admin.xtrim(streamOf(log, TOPIC), 'MAXLEN', 0)
  await log.append(TOPIC, records(2, 'b'))
  await expect.poll(() => seen.length).toBe(12)
  await redis.admin.xtrim(streamOf(log, TOPIC), 'MINID', '12-0')
  await log.append(TOPIC, records(1, 'c'))
  await expect.poll(() => seen.length).toBe(13)
  stop.abort()
  await following
  await log.close()
})

test('[log.ordered] a foreign entry with an id of its own is log.gap', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(2, 'a'))
  await redis.admin.xadd(streamOf(log, TOPIC), '2-7', 'some', 'thing')
  expect(await codeOf(readAll(log, TOPIC))).toBe('log.gap')
  await log.close()
})

test('a foreign entry at the next id has an empty key and value, and readers go past it', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(2, 'a'))
  await redis.admin.xadd(streamOf(log, TOPIC), '3-0', 'some', 'thing')
  await log.append(TOPIC, records(1, 'b'))
  const stored = await readAll(log, TOPIC)
  expect(stored.map(({ offset, key, value }) => [offset, key, value.length])).toEqual([
    [0, 'a', 16],
    [1, 'a', 16],
    [2, '', 0],
    [3, 'b', 16],
  ])
  await log.close()
})

test('large records make small batches', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(100, 'small'))
  for (let lap = 0; lap < 10; lap += 1) await log.append(TOPIC, records(50, 'large', 100_000))
  const sizes: number[] = []
  for await (const batch of log.read({ topic: TOPIC, partition: 0, offset: 0 })) sizes.push(batch.length)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(600)
  expect(Math.max(...sizes.slice(1))).toBeLessThan(100)
  await log.close()
})

test('[log.ordered] a reader waits out a restart of the server, within its patience', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const written = records(10, 'a')
  await log.append(TOPIC, written)
  await redis.server.kill()
  const reading = readAll(log, TOPIC)
  expect(await codeOf(readAll(log, TOPIC, 0, 0, { patienceMs: 100 }))).toBe('log.unavailable')
  await redis.server.restart()
  expect((await reading).map(idOf)).toEqual(written.map(idOf))
  await log.close()
})

async function gather(log: EventLog, signal: AbortSignal, seen: number[]): Promise<void> {
  for await (const batch of log.read({ topic: TOPIC, partition: 0, offset: 0 }, { follow: true, signal })) {
    seen.push(...batch.map(({ offset }) => offset))
  }
}
