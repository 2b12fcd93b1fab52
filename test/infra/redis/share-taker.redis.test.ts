/** Who holds a record of a work share, through lost answers, stops and endings. */
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { openRedisWorkShare } from '#infra/redis/redis-work-share.ts'
import type { Delivery, TakeOptions, WorkShare } from '#processors/ports/work-share.ts'
import { startCuttingProxy } from '#test/contracts/cutting-proxy.ts'
import { records } from '#test/contracts/records.ts'
import { codeOf, ownRedis, streamOf } from './own-redis.ts'

const TOPIC = 'runs.v1'
const GROUP = 'workers'

/** Takes in the background; `ended` gives the code it ends with. */
function taking(share: WorkShare, options: Partial<TakeOptions> = {}, act: (delivery: Delivery) => unknown = () => {}) {
  const stop = new AbortController()
  const got: Delivery[] = []
  const loop = async () => {
    const all = { window: 10, leaseMs: 600, signal: stop.signal, ...options }
    for await (const delivery of share.take(TOPIC, GROUP, all)) {
      got.push(delivery)
      await act(delivery)
    }
  }
  return { got, ended: codeOf(loop()), stop: () => stop.abort() }
}

const offsets = (got: readonly Delivery[]) => got.map(({ position }) => position.offset).toSorted((a, b) => a - b)

test('an answer lost with records in it is made up for long before the lease is over', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const proxy = await startCuttingProxy({ host: '127.0.0.1', port: redis.server.port })
  const share = await openRedisWorkShare({ url: `redis://${proxy.host}:${proxy.port}` })
  const taker = taking(share, { leaseMs: 60_000 }, async (delivery) => await delivery.done())
  await log.append(TOPIC, records(1, 'a'))
  await expect.poll(() => taker.got.length).toBe(1)
  let cut = 0
  proxy.cutWhen = (bytes) => bytes.includes('xreadgroup') && cut++ === 0
  await log.append(TOPIC, records(5, 'b'))
  await expect.poll(() => taker.got.length, { timeout: 3_000 }).toBe(6)
  expect(proxy.cuts).toBe(1)
  expect(offsets(taker.got)).toEqual([0, 1, 2, 3, 4, 5])
  await expect.poll(async () => await share.backlog(TOPIC, GROUP)).toEqual({ waiting: 0, taken: 0 })
  taker.stop()
  expect(await taker.ended).toBe('')
  await Promise.all([share.close(), log.close()])
  await proxy.close()
})

test('a worker does not take back what another has taken over from it', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const share = await openRedisWorkShare({ url: redis.url })
  await log.append(TOPIC, records(3, 'a'))
  const taker = taking(share)
  await expect.poll(() => taker.got.length).toBe(3)
  // As after a stop past the lease: another consumer has claimed them.
  const stream = streamOf(log, TOPIC)
  const claim = async () => await redis.admin.call('XCLAIM', stream, GROUP, 'other', '0', '1-0', '2-0', 'JUSTID')
  await claim()
  const holders = async () => {
    const pending = (await redis.admin.xpending(stream, GROUP, '-', '+', 10)) as [string, string][]
    return pending.map(([, consumer]) => (consumer === 'other' ? 'other' : 'it'))
  }
  const seen = new Set<string>()
  const until = performance.now() + 500
  const look = async () => {
    seen.add((await holders()).join())
    await claim() // keeps them fresh, as that one would
    return performance.now() > until
  }
  await expect.poll(look, { interval: 50 }).toBe(true)
  expect([...seen]).toEqual(['other,other,it'])
  await taker.got[0]?.done()
  expect(await share.backlog(TOPIC, GROUP)).toEqual({ waiting: 0, taken: 2 })
  taker.stop()
  await taker.ended
  await Promise.all([share.close(), log.close()])
})

test('what is let go at the end is taken at once by the next worker, as redelivered, and leaves no consumer behind', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const share = await openRedisWorkShare({ url: redis.url })
  await log.append(TOPIC, records(3, 'a'))
  const first = taking(share, { leaseMs: 60_000 })
  await expect.poll(() => first.got.length).toBe(3)
  expect(first.got.map(({ redelivered }) => redelivered)).toEqual([false, false, false])
  first.stop()
  await first.ended
  const second = taking(share, { leaseMs: 60_000 }, async (delivery) => await delivery.done())
  await expect.poll(() => second.got.length).toBe(3)
  expect(second.got.map(({ redelivered }) => redelivered)).toEqual([true, true, true])
  second.stop()
  await second.ended
  const consumers = (await redis.admin.xinfo('CONSUMERS', streamOf(log, TOPIC), GROUP)) as string[][]
  expect(consumers.map((fields) => fields[1])).toEqual(['released'])
  await Promise.all([share.close(), log.close()])
})

test('closing a share lets go of what a consumer that never came back still holds', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const share = await openRedisWorkShare({ url: redis.url })
  await log.append(TOPIC, records(2, 'a'))
  const stuck = share.take(TOPIC, GROUP, { window: 2, leaseMs: 60_000, signal: new AbortController().signal })
  const delivery = await stuck[Symbol.asyncIterator]().next()
  await share.close()
  expect(await codeOf((delivery.value as Delivery).done())).toBe('log.closed')
  const other = await openRedisWorkShare({ url: redis.url })
  const taker = taking(other, { leaseMs: 60_000 })
  await expect.poll(() => taker.got.length).toBe(2)
  taker.stop()
  await taker.ended
  await Promise.all([other.close(), log.close()])
})

test('a dead worker is relieved also while the living always have fresh records to take', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const share = await openRedisWorkShare({ url: redis.url })
  await log.append(TOPIC, records(1, 'a'))
  // The dead: took it, and was never heard of again.
  const stream = streamOf(log, TOPIC)
  const dead = new Redis(redis.url)
  await dead.call('XGROUP', 'CREATE', stream, GROUP, '0')
  await dead.call('XREADGROUP', 'GROUP', GROUP, 'dead', 'STREAMS', stream, '>')
  dead.disconnect()
  let busy = true
  const feeding = (async () => {
    while (busy) await log.append(TOPIC, records(20, 'more'))
  })()
  const taker = taking(share, { window: 2, leaseMs: 300 }, async (delivery) => await delivery.done())
  await expect.poll(() => taker.got.some(({ position }) => position.offset === 0), { timeout: 10_000 }).toBe(true)
  busy = false
  await feeding
  taker.stop()
  await taker.ended
  await Promise.all([share.close(), log.close()])
})

test('a server killed and started again loses no record of the share', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const share = await openRedisWorkShare({ url: redis.url })
  await log.append(TOPIC, records(500, 'a'))
  const finished = new Set<number>()
  const taker = taking(share, {}, async (delivery) => {
    await delivery.done()
    finished.add(delivery.position.offset)
  })
  await expect.poll(() => finished.size, { interval: 1 }).toBeGreaterThan(50)
  await redis.server.kill()
  await redis.server.restart()
  await expect.poll(() => finished.size, { timeout: 15_000 }).toBe(500)
  await expect.poll(async () => await share.backlog(TOPIC, GROUP)).toEqual({ waiting: 0, taken: 0 })
  taker.stop()
  expect(await taker.ended).toBe('')
  await Promise.all([share.close(), log.close()])
})

test('an emptied server ends the taking by name; a group alone that is gone begins again', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const share = await openRedisWorkShare({ url: redis.url })
  await log.append(TOPIC, records(2, 'a'))
  const taker = taking(share, {}, async (delivery) => await delivery.done())
  await expect.poll(() => taker.got.length).toBe(2)
  await redis.admin.xgroup('DESTROY', streamOf(log, TOPIC), GROUP)
  await expect.poll(() => taker.got.length, { timeout: 10_000 }).toBe(4)
  await redis.admin.flushall()
  expect(await taker.ended).toBe('log.diverged')
  await Promise.all([share.close(), log.close()])
})
