/**
 * Sharing out on Kafka beyond the contract: moves between living workers, a broker that dies, and named stops.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { openKafkaWorkShare } from '#infra/kafka/kafka-work-share.ts'
import type { Delivery, WorkShare } from '#processors/ports/work-share.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { startKafka } from '#scripts/services/kafka.ts'
import { failureOf } from '#test/contracts/event-log/prepared-logs.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { idOf, record, records } from '#test/contracts/records.ts'
import { connectAdmin, forget, spaceOn, trim } from './kafka-admin.ts'
import type { KafkaSpace } from './kafka-opener.ts'

const broker = process.env['LATTICE_TEST_KAFKA'] ?? ''
const TOPIC = 'runs.v1'
let admin: Admin

beforeAll(async () => {
  admin = await connectAdmin(broker)
})

afterAll(async () => {
  await admin.disconnect()
})

function space(): KafkaSpace {
  const fresh = spaceOn(broker, 4)
  onTestFinished(async () => await forget(admin, fresh))
  return fresh
}

interface Worker {
  readonly share: WorkShare
  readonly took: Delivery[]
  readonly done: string[]
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/** A worker with connections of its own, that holds each record for a while; for ever without `holdMs`. */
async function worker(
  at: KafkaSpace,
  options: { holdMs?: number; window?: number; leaseMs?: number } = {},
): Promise<Worker> {
  const { holdMs, window = 8, leaseMs = 10_000 } = options
  const share = await openKafkaWorkShare(at)
  const [took, done]: [Delivery[], string[]] = [[], []]
  const stop = new AbortController()
  const work = async (delivery: Delivery): Promise<void> => {
    if (holdMs === undefined) return
    await sleep(holdMs)
    await delivery.done()
    done.push(idOf(delivery.record))
  }
  const ended = (async () => {
    for await (const delivery of share.take(TOPIC, 'workers', { window, leaseMs, signal: stop.signal })) {
      took.push(delivery)
      void work(delivery)
    }
  })()
  onTestFinished(async () => await share.close())
  return { share, took, done, stop, ended }
}

async function open(at: KafkaSpace): Promise<EventLog> {
  const log = await openKafkaEventLog(at)
  onTestFinished(async () => await log.close())
  return log
}

const many = (count: number) => Array.from({ length: count }, (_, i) => record(`key-${i}`))

describe('share taker', () => {
  it('workers that come while others work take their part, and no record is delivered twice', async () => {
    const at = space()
    const log = await open(at)
    const written = many(400)
    await log.append(TOPIC, written)
    const workers = [await worker(at, { holdMs: 60, window: 4, leaseMs: 3_000 })]
    const done = (): number => workers.reduce((sum, { done: ids }) => sum + ids.length, 0)
    for (const enough of [40, 80]) {
      await eventually(`${enough} are done`, () => done() >= enough)
      workers.push(await worker(at, { holdMs: 60, window: 4, leaseMs: 3_000 }))
    }
    await eventually('all are done', () => done() >= 400)
    for (const { took } of workers) expect(took.length).toBeGreaterThan(10)
    expect(workers.flatMap(({ took }) => took.map((one) => idOf(one.record))).toSorted()).toEqual(
      written.map(idOf).toSorted(),
    )
    for (const { stop, ended } of workers) {
      stop.abort()
      await ended
    }
  })

  it('what a worker leaves goes to another at once, long before a lease is over', async () => {
    const at = space()
    const log = await open(at)
    await log.append(TOPIC, many(20))
    const leaving = await worker(at, { window: 20, leaseMs: 60_000 })
    await eventually('all are taken', () => leaving.took.length === 20)
    const staying = await worker(at, { window: 20, leaseMs: 60_000, holdMs: 0 })
    await eventually(
      'all are known to be taken',
      async () => (await staying.share.backlog(TOPIC, 'workers')).taken === 20,
    )
    leaving.stop.abort()
    await leaving.ended
    await eventually('all are done', () => staying.done.length === 20, { deadlineMs: 10_000 })
    expect(staying.took.every(({ redelivered }) => redelivered)).toBe(true)
    await log.append(TOPIC, many(5))
    await eventually('the new ones too', () => staying.done.length === 25)
    expect(staying.took.slice(20).some(({ redelivered }) => redelivered)).toBe(false)
  })

  it('a partition whose work takes longer than a lease is given up all the same', async () => {
    const at = space()
    const log = await open(at)
    await log.append(TOPIC, many(40))
    const stuck = await worker(at, { window: 40, leaseMs: 1_000 })
    await eventually('all are taken', () => stuck.took.length === 40)
    const fresh = await worker(at, { window: 40, leaseMs: 1_000, holdMs: 0 })
    await eventually(
      'half of the partitions come over',
      () => new Set(fresh.took.map((one) => one.position.partition)).size === 2,
    )
    expect(fresh.took.every(({ redelivered }) => redelivered)).toBe(true)
  })

  it('work goes on when the broker is killed and started again', { timeout: 120_000 }, async () => {
    await using server = await startKafka()
    const at = spaceOn(server.brokers, 4)
    const log = await openKafkaEventLog(at)
    const share = await openKafkaWorkShare({ ...at, log })
    const stop = new AbortController()
    const done = new Set<string>()
    const working = (async () => {
      for await (const delivery of share.take(TOPIC, 'workers', { window: 4, leaseMs: 6_000, signal: stop.signal })) {
        setTimeout(() => {
          done.add(idOf(delivery.record))
          void delivery.done()
        }, 5)
      }
    })()
    const first = many(200)
    await log.append(TOPIC, first)
    await eventually('some are done', () => done.size > 20)
    await server.kill()
    await server.restart()
    const second = many(50)
    await log.append(TOPIC, second)
    await eventually('all are done', () => done.size === 250, { deadlineMs: 60_000 })
    await eventually('and committed', async () => {
      const { waiting, taken } = await share.backlog(TOPIC, 'workers')
      return waiting + taken === 0
    })
    stop.abort()
    await working
    await share.close()
    await log.close()
  })

  it('stops by name when records it has not had are gone', async () => {
    const at = space()
    const log = await open(at)
    await log.append(TOPIC, records(10, 'key'))
    const [partition] = (await log.bounds(TOPIC)).filter(({ next }) => next === 10)
    const before = await worker(at, { window: 4 })
    await eventually(
      'some are known to be taken',
      async () => (await before.share.backlog(TOPIC, 'workers')).taken === 4,
    )
    before.stop.abort()
    await before.ended
    await trim(admin, { topic: `${at.namespace}.${TOPIC}`, partition: partition?.partition ?? 0, before: 7 })
    expect(await failureOf((await worker(at)).ended)).toBe('log.trimmed')
  })

  it('says that the broker allows no such lease', async () => {
    const at = space()
    expect(await failureOf((await worker(at, { leaseMs: 5 })).ended)).toBe('settings.invalid')
  })

  it('ends when its share is closed, and takes nothing afterwards', async () => {
    const at = space()
    const taken = await worker(at)
    await sleep(50)
    await taken.share.close()
    await taken.ended
    const again = taken.share.take(TOPIC, 'workers', { window: 1, signal: new AbortController().signal })
    expect(await failureOf(again[Symbol.asyncIterator]().next())).toBe('log.closed')
  })
})
