/** Appends grouped and written once, whatever becomes of the server, the connection or the writer's own entry. */
import { expect, test } from 'vitest'
import { openRedisEventLog } from '#infra/redis/redis-event-log.ts'
import { type EventLog, recordLimits } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { idOf, readAll, record, records } from '#test/contracts/records.ts'
import { codeOf, ownRedis, streamOf } from './own-redis.ts'

const TOPIC = 'operations.v1'

async function idsIn(log: EventLog): Promise<string[]> {
  return (await readAll(log, TOPIC)).map(idOf)
}

test('64 concurrent appends of one record share a few commands', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(1, 'first'))
  const calls = async () => {
    const [, count] = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.admin.info('commandstats')) ?? []
    return Number(count ?? 0)
  }
  const before = await calls()
  await Promise.all(Array.from({ length: 64 }, async () => await log.append(TOPIC, records(1, 'a'))))
  expect((await calls()) - before).toBeLessThanOrEqual(2)
  await log.close()
})

test('a group never grows past the limits of one call', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const large = () => record('large', new Uint8Array(3 * 1024 * 1024))
  const positions = await Promise.all([
    ...Array.from({ length: 4 }, async () => await log.append(TOPIC, [large()])),
    ...Array.from({ length: 3 }, async () => await log.append(TOPIC, records(600, 'many'))),
  ])
  expect(positions.flat().map(({ offset }) => offset)).toEqual(Array.from({ length: 1804 }, (_, i) => i))
  const entries = await redis.admin.keys(`${streamOf(log, TOPIC)}:writer:*`)
  const [batches] = (await redis.admin.get(entries[0] ?? ''))?.split(' ') ?? []
  expect(Number(batches)).toBeGreaterThanOrEqual(4) // two of 6 MiB, and no two of the others fit into 1,000
  expect(recordLimits.records).toBe(1000)
  await log.close()
})

test('[append.survives] [append.once] killed three times in the middle, each record stands once, at the position it was given', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  const given: [id: string, offset: number][] = []
  let going = true
  const lanes = Array.from({ length: 16 }, async (_, lane) => {
    while (going) {
      const batch = records(1 + (lane % 4) * 20, `lane-${lane}`, 200)
      const positions = await log.append(TOPIC, batch)
      positions.forEach(({ offset }, i) => given.push([idOf(batch[i] ?? record('none')), offset]))
    }
  })
  for (let lap = 0; lap < 3; lap += 1) {
    const had = given.length
    await expect.poll(() => given.length, { timeout: 15_000, interval: 5 }).toBeGreaterThan(had + 500)
    await redis.server.kill()
    await redis.server.restart()
  }
  going = false
  await Promise.all(lanes)
  const stored = await idsIn(log)
  expect(stored.length).toBe(given.length) // nothing twice, nothing that was not acknowledged
  for (const [id, offset] of given) expect(stored[offset]).toBe(id)
  await log.close()
})

test('a full server refuses by name, has written nothing of the call, and takes it once there is room', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(10, 'a'))
  await redis.admin.config('SET', 'maxmemory', '1mb')
  const batch = records(100, 'b', 50_000)
  expect(await codeOf(log.append(TOPIC, batch))).toBe('log.full')
  expect((await log.bounds(TOPIC))[0]?.next).toBe(10)
  await redis.admin.config('SET', 'maxmemory', '0')
  expect((await log.append(TOPIC, batch))[0]?.offset).toBe(10)
  await log.close()
})

test('a server that is gone is log.unavailable where nothing can have been sent, and the log goes on afterwards', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url, patienceMs: 400 })
  await log.append(TOPIC, records(1, 'a'))
  await redis.server.kill()
  // The connection may go down only as this is sent.
  await codeOf(log.append(TOPIC, [record('probe')]))
  const started = performance.now()
  expect(await codeOf(log.append(TOPIC, records(1, 'b')))).toBe('log.unavailable')
  expect(performance.now() - started).toBeLessThan(3_000)
  await redis.server.restart()
  await expect.poll(async () => await codeOf(log.append(TOPIC, records(1, 'c'))), { timeout: 5_000 }).toBe('')
  await log.close()
})

test('[append.once] no answer in time is append.outcome-unknown, and what comes after it is written once', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url, patienceMs: 400 })
  await log.append(TOPIC, records(1, 'a'))
  await redis.server.kill('SIGSTOP')
  const [unknown, next] = [record('unknown'), record('next')]
  const outcomes = await Promise.allSettled([log.append(TOPIC, [unknown])])
  expect(outcomes[0]?.status === 'rejected' && isFailure(outcomes[0].reason, 'append.outcome-unknown')).toBe(true)
  await redis.server.kill('SIGCONT')
  await log.append(TOPIC, [unknown])
  await log.append(TOPIC, [next])
  const stored = await idsIn(log)
  expect(stored.filter((id) => id === idOf(unknown)).length).toBeLessThanOrEqual(2)
  expect(stored).toContain(idOf(unknown))
  expect(stored.filter((id) => id === idOf(next))).toHaveLength(1)
  await log.close()
})

test('[append.once] a batch sent again under its number is answered with its old positions', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(3, 'a'))
  await log.append(TOPIC, records(2, 'b'))
  const [entry = ''] = await redis.admin.keys(`${streamOf(log, TOPIC)}:writer:*`)
  expect(await redis.admin.get(entry)).toBe('2 4')
  expect(await redis.admin.ttl(entry)).toBeGreaterThan(23 * 3600)
  await log.close()
})

test('a writer whose entry has expired goes on under a new session, if the history is the same', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(3, 'a'))
  await redis.admin.del(await redis.admin.keys(`${streamOf(log, TOPIC)}:writer:*`))
  expect((await log.append(TOPIC, records(1, 'b')))[0]?.offset).toBe(3)
  expect((await log.append(TOPIC, records(1, 'c')))[0]?.offset).toBe(4)
  expect((await idsIn(log)).length).toBe(5)
  await log.close()
})

test('a call over several partitions whose parts fare differently is append.outcome-unknown', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url, partitions: 3 })
  await redis.admin.del(streamOf(log, 'runs.v1', 1))
  const batch = Array.from({ length: 30 }, (_, i) => record(`key-${i}`))
  expect(await codeOf(log.append('runs.v1', batch))).toBe('append.outcome-unknown')
  await log.close()
})

test('[append.survives] nothing is acknowledged behind an entry that somebody deleted from the end', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(3, 'a'))
  const stream = streamOf(log, TOPIC)
  await redis.admin.xdel(stream, '3-0')
  const remedy = expect.stringContaining(`XSETID ${stream} 2-0`)
  await expect(log.append(TOPIC, records(1, 'b'))).rejects.toMatchObject({ code: 'log.gap', remedy })
  const other = await openRedisEventLog({ url: redis.url })
  await expect(other.append(TOPIC, records(1, 'b'))).rejects.toMatchObject({ code: 'log.gap', remedy })
  expect(await codeOf(readAll(log, TOPIC))).toBe('log.gap')
  await log.close()
  await other.close()
})

test.for(['*', '3-5'])(
  '[append.survives] nothing is acknowledged behind an entry of somebody else (XADD %s); removed as told, all goes on',
  async (id) => {
    await using redis = await ownRedis()
    const log = await openRedisEventLog({ url: redis.url })
    await log.append(TOPIC, records(3, 'a'))
    const stream = streamOf(log, TOPIC)
    const foreign = await redis.admin.xadd(stream, id, 'x', 'garbage')
    const refused = { code: 'log.gap', remedy: expect.stringContaining(`XDEL ${stream} ${foreign}`) }
    await expect(log.append(TOPIC, records(1, 'b'))).rejects.toMatchObject(refused)
    await expect(readAll(log, TOPIC)).rejects.toMatchObject(refused)

    await redis.admin.xdel(stream, foreign ?? '')
    if (id === '*') await redis.admin.call('XSETID', stream, '3-0')
    expect((await log.append(TOPIC, records(1, 'c')))[0]?.offset).toBe(3)
    expect(await readAll(log, TOPIC)).toHaveLength(4)
    await log.close()
  },
)

test('a caller with little patience hears soon that nothing was written, also behind one that waits longer', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url, patienceMs: 20_000 })
  await log.append(TOPIC, records(1, 'before'))
  await redis.server.kill()
  const patient = log.append(TOPIC, records(1, 'patient'))
  await new Promise((turn) => setImmediate(turn)) // or they would share a batch
  const began = performance.now()
  expect(await codeOf(log.append(TOPIC, records(1, 'impatient'), { patienceMs: 600 }))).toBe('log.unavailable')
  expect(performance.now() - began).toBeLessThan(5_000)
  await redis.server.restart()
  await patient
  expect((await idsIn(log)).length).toBe(2)
  await log.close()
})

test('a caller with little patience hears of a server that hangs that the outcome is unknown', async () => {
  await using redis = await ownRedis()
  const log = await openRedisEventLog({ url: redis.url })
  await log.append(TOPIC, records(1, 'before'))
  await redis.server.kill('SIGSTOP')
  const began = performance.now()
  expect(await codeOf(log.append(TOPIC, records(1, 'hung'), { patienceMs: 600 }))).toBe('append.outcome-unknown')
  expect(performance.now() - began).toBeLessThan(5_000)
  await redis.server.kill('SIGCONT')
  await log.close()
})
