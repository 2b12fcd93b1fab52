/** Opening a log on a Redis: what is made once, what is refused, and what is noticed when the server is not what it was. */
import { expect, test } from 'vitest'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Signal } from '#processors/ports/report.ts'
import { freePort } from '#scripts/services/ports.ts'
import { idOf, readAll, record, records } from '#test/contracts/records.ts'
import { codeOf, ownRedis, streamOf } from './own-redis.ts'

const TOPIC = 'operations.v1'

/** A follower that has seen everything there is and now waits; resolves with the code it stops with. */
async function idleFollower(log: EventLog): Promise<{ readonly stopped: Promise<string> }> {
  const [{ next } = { next: 0 }] = await log.bounds(TOPIC)
  let seen = 0
  const follow = async () => {
    for await (const batch of log.read({ topic: TOPIC, partition: 0, offset: 0 }, { follow: true }))
      seen += batch.length
  }
  const stopped = codeOf(follow())
  await expect.poll(() => seen).toBe(next)
  return { stopped }
}

test('ten processes that open at once agree on one id, and the first partition count stays', async () => {
  await using redis = await ownRedis()
  const logs = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => await openRedisEventLog({ url: redis.url, partitions: 1 + (i % 3) })),
  )
  expect(new Set(logs.map((log) => log.id)).size).toBe(1)
  expect(new Set(logs.map((log) => log.partitions('runs.v1'))).size).toBe(1)
  const later = await openRedisEventLog({ url: redis.url, partitions: 7 })
  expect(later.partitions('runs.v1')).toBe(logs[0]?.partitions('runs.v1'))
  expect(later.partitions(TOPIC)).toBe(1)
  for (const log of [...logs, later]) await log.close()
})

test('namespaces on one server are different logs', async () => {
  await using redis = await ownRedis()
  const [left, right] = [
    await openRedisEventLog({ url: redis.url, namespace: 'left' }),
    await openRedisEventLog({ url: redis.url, namespace: 'right' }),
  ]
  await left.append(TOPIC, records(3, 'a'))
  expect(right.id).not.toBe(left.id)
  expect(await readAll(right, TOPIC)).toEqual([])
  await Promise.all([left.close(), right.close()])
})

test.for(['allkeys-lru', 'volatile-ttl'])('a server that evicts (%s) is refused by name', async (policy) => {
  await using redis = await ownRedis({ settings: { 'maxmemory-policy': policy } })
  await expect(openRedisEventLog({ url: redis.url })).rejects.toMatchObject({ code: 'log.unsafe' })
})

test('says what an acknowledgement survives, and warns where it is little', async () => {
  for (const [fsync, warns] of [
    ['always', false],
    ['everysec', true],
  ] as const) {
    await using redis = await ownRedis({ fsync })
    const signals: Signal[] = []
    const log = await openRedisEventLog({ url: redis.url, report: (signal) => signals.push(signal) })
    expect(log.durability).toContain(`appendfsync ${fsync}`)
    expect(signals.some(({ signal }) => signal === 'log.risk')).toBe(warns)
    await log.close()
  }
})

test('a server that comes back with a setting that evicts is warned of, loudly and once', async () => {
  await using redis = await ownRedis()
  const warnings: string[] = []
  const log = await openRedisEventLog({
    url: redis.url,
    report: (signal) => void (signal.signal === 'log.risk' && warnings.push(signal.message)),
  })
  expect(warnings).toEqual([])
  await redis.admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
  for (let lap = 0; lap < 2; lap += 1) {
    await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await expect.poll(() => warnings.length).toBe(1)
    await expect.poll(async () => await codeOf(log.append(TOPIC, records(1, 'a')))).toBe('')
  }
  expect(warnings[0]).toContain('allkeys-lru')
  await log.close()
})

test('a user who may not read the settings can still use the log, which says that it does not know', async () => {
  await using redis = await ownRedis()
  await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-@admin', '-@dangerous')
  const url = redis.url.replace('//', '//app:secret@')
  const signals: Signal[] = []
  const log = await openRedisEventLog({ url, report: (signal) => signals.push(signal) })
  expect(log.durability).toContain('unknown')
  expect(signals).toHaveLength(1)
  expect(JSON.stringify(signals)).not.toContain('secret')
  const seen: number[] = []
  const stop = new AbortController()
  const following = (async () => {
    const options = { follow: true, signal: stop.signal }
    for await (const batch of log.read({ topic: TOPIC, partition: 0, offset: 0 }, options)) {
      seen.push(...batch.map(({ offset }) => offset))
    }
  })()
  for (let i = 0; i < 3; i += 1) {
    await log.append(TOPIC, records(1, 'a'))
    await expect.poll(() => seen.length, { timeout: 2_000 }).toBe(i + 1)
  }
  stop.abort()
  await following
  await log.close()
})

test('where only CONFIG is forbidden, INFO still shows the policy and whether there is a file', async () => {
  await using redis = await ownRedis()
  await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-config')
  const url = redis.url.replace('//', '//app:secret@')
  const log = await openRedisEventLog({ url })
  expect(log.durability).toContain('appendonly yes, appendfsync not shown')
  await log.close()
  await redis.admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
  expect(await codeOf(openRedisEventLog({ url }))).toBe('log.unsafe')
})

test('a wrong password and a server that is not there are said by name, without the password', async () => {
  await using redis = await ownRedis()
  await redis.admin.config('SET', 'requirepass', 'right')
  const started = performance.now()
  const wrong = openRedisEventLog({ url: redis.url.replace('//', '//default:wr0ng-one@') })
  await expect(wrong).rejects.toMatchObject({ code: 'log.unavailable', message: expect.stringContaining('WRONGPASS') })
  await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining('wr0ng-one') })
  expect(await codeOf(openRedisEventLog({ url: redis.url }))).toBe('log.unavailable')
  expect(performance.now() - started).toBeLessThan(5_000)
  const nowhere = `redis://127.0.0.1:${await freePort()}`
  expect(await codeOf(openRedisEventLog({ url: nowhere, patienceMs: 300 }))).toBe('log.unavailable')
})

test('a log laid out by a newer version is refused', async () => {
  await using redis = await ownRedis()
  await redis.admin.set('lattice:format', '2')
  expect(await codeOf(openRedisEventLog({ url: redis.url }))).toBe('log.newer')
})

test('[log.same] an emptied server stops writers and followers, and is a new log to whoever opens it', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(5, 'a'))
  const follower = await idleFollower(log)
  const lost = log.read({ topic: TOPIC, partition: 0, offset: 0 }, { batchSize: 2 })[Symbol.asyncIterator]()
  await lost.next()
  await redis.admin.flushall()
  expect(await codeOf(log.append(TOPIC, records(1, 'b')))).toBe('log.diverged')
  expect(await follower.stopped).toBe('log.diverged')
  const anew = await openRedisEventLog({ url: redis.url })
  expect(anew.id).not.toBe(log.id)
  await anew.append(TOPIC, records(9, 'c'))
  expect(await codeOf(log.append(TOPIC, records(1, 'd')))).toBe('log.diverged')
  expect(await codeOf(readAll(log, TOPIC))).toBe('log.diverged')
  expect((await readAll(anew, TOPIC)).length).toBe(9)
  await Promise.all([log.close(), anew.close()])
})

test('[log.same] a stream deleted by itself stops the log by name, also at the next opening', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(5, 'a'))
  await redis.admin.del(streamOf(log, TOPIC))
  expect(await codeOf(log.append(TOPIC, records(1, 'b')))).toBe('log.diverged')
  expect(await codeOf(openRedisEventLog({ url: redis.url }))).toBe('log.diverged')
  await log.close()
})

test('[log.same] a server restored from an older dump stops writers and followers', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const other = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(5, 'a'))
  const follower = await idleFollower(log)
  const dump = await redis.backup()
  await other.append(TOPIC, records(5, 'b'))
  await log.append(TOPIC, records(5, 'c'))
  await dump.restore()
  expect(await codeOf(log.append(TOPIC, records(1, 'd')))).toBe('log.diverged')
  expect(await follower.stopped).toBe('log.diverged')
  expect(await codeOf(other.append(TOPIC, records(1, 'e')))).toBe('log.diverged')
  expect(await codeOf(log.append(TOPIC, records(1, 'f')))).toBe('log.diverged')
  await Promise.all([log.close(), other.close()])
})

test('[log.same] a restored server that others have written past is noticed by the record that changed', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(5, 'a'))
  const dump = await redis.backup()
  const lost = record('lost')
  await log.append(TOPIC, [...records(2, 'b'), lost])
  const follower = await idleFollower(log)
  await dump.restore()
  const fresh = await openRedisEventLog({ url: redis.url })
  await fresh.append(TOPIC, records(20, 'c'))
  expect(await follower.stopped).toBe('log.diverged')
  expect(await codeOf(log.append(TOPIC, records(1, 'd')))).toBe('log.diverged')
  expect(await codeOf(readAll(fresh, TOPIC, 0, 8, { after: idOf(lost) }))).toBe('log.diverged')
  await Promise.all([log.close(), fresh.close()])
})
