/**
 * Which history a Kafka log is: agreed on by all who open it, and any other one is a named stop (R5).
 */
import kafkajs, { type Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type KafkaEventLogOptions, openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { failureOf } from '#test/contracts/event-log/prepared-logs.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { idOf, readAll, record, records } from '#test/contracts/records.ts'
import { connectAdmin, forget, spaceOn } from './kafka-admin.ts'
import type { KafkaSpace } from './kafka-opener.ts'

const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs
const broker = process.env['LATTICE_TEST_KAFKA'] ?? ''
const ONE = 'operations.v1'
let admin: Admin

beforeAll(async () => {
  admin = await connectAdmin(broker)
})

afterAll(async () => {
  await admin.disconnect()
})

function space(): KafkaSpace {
  const fresh = spaceOn(broker, 2)
  onTestFinished(async () => await forget(admin, fresh))
  return fresh
}

async function open(at: KafkaSpace, options: Partial<KafkaEventLogOptions> = {}): Promise<EventLog> {
  const log = await openKafkaEventLog({ ...at, checkEveryMs: 200, ...options })
  onTestFinished(async () => await log.close())
  return log
}

describe('history', () => {
  it('[log.same] those who open a new log at the same time agree on its id', async () => {
    const at = space()
    const logs = await Promise.all([0, 1, 2, 3].map(() => open(at)))
    expect(new Set(logs.map(({ id }) => id)).size).toBe(1)
    expect((await open(at)).id).toBe(logs[0]?.id)
    expect((await open(space())).id).not.toBe(logs[0]?.id)
  })

  it('[log.same] a topic deleted and made again stops whoever opens the log', async () => {
    const at = space()
    await (await open(at)).close()
    const topic = `${at.namespace}.${ONE}`
    await admin.deleteTopics({ topics: [topic] })
    expect(await failureOf(open(at))).toBe('log.diverged')
    await remake(at, topic)
    expect(await failureOf(open(at))).toBe('log.diverged')
  })

  it('[log.same] a topic deleted and made again stops an open log by itself: its followers, reads and appends', async () => {
    const at = space()
    const log = await open(at)
    const written = records(5, 'a')
    await log.append(ONE, written)
    const following = failureOf(drain(log.read({ topic: ONE, partition: 0, offset: 0 }, { follow: true })))
    const topic = `${at.namespace}.${ONE}`
    await admin.deleteTopics({ topics: [topic] })
    await remake(at, topic)
    expect(await following).toBe('log.diverged')
    expect(await failureOf(readAll(log, ONE, 0, 5, { after: idOf(written[4] as (typeof written)[0]) }))).toBe(
      'log.diverged',
    )
    expect(await failureOf(log.append(ONE, records(1, 'b')))).toBe('log.diverged')
    expect(await failureOf(log.append('runs.v1', records(1, 'b')))).toBe('log.diverged')
    await eventually('nothing was written', async () => (await admin.fetchTopicOffsets(topic))[0]?.high === '0')
  })

  it('[log.same] a topic that is gone stops an open log', async () => {
    const at = space()
    const log = await open(at)
    const following = failureOf(drain(log.read({ topic: ONE, partition: 0, offset: 0 }, { follow: true })))
    await admin.deleteTopics({ topics: [`${at.namespace}.${ONE}`] })
    expect(await following).toBe('log.diverged')
  })

  it('[log.same] partitions added stop an open log, and whoever opens it', async () => {
    const at = space()
    const log = await open(at)
    const following = failureOf(drain(log.read({ topic: 'runs.v1', partition: 0, offset: 0 }, { follow: true })))
    await admin.createPartitions({ topicPartitions: [{ topic: `${at.namespace}.runs.v1`, count: 5 }] })
    expect(await following).toBe('log.diverged')
    expect(await failureOf(open(at))).toBe('log.diverged')
  })

  it('[log.same] the partitions a log was made with are kept, whatever is asked for later', async () => {
    const at = space()
    expect((await open(at)).partitions('runs.v1')).toBe(2)
    expect((await open(at, { partitions: 9 })).partitions('runs.v1')).toBe(2)
  })

  it('takes up sound topics that were there before', async () => {
    const at = space()
    await remake(at, `${at.namespace}.runs.v1`, 4)
    const log = await open(at)
    expect(log.partitions('runs.v1')).toBe(4)
    expect((await log.append('runs.v1', records(3, 'a'))).length).toBe(3)
  })

  it.for([
    ['retention.ms', '86400000'],
    ['cleanup.policy', 'compact'],
    ['unclean.leader.election.enable', 'true'],
  ] as const)('refuses a topic with %s=%s', async ([name, value]) => {
    const at = space()
    await (await open(at)).close()
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        { type: ConfigResourceTypes.TOPIC, name: `${at.namespace}.${ONE}`, configEntries: [{ name, value }] },
      ],
    })
    const refused = await openKafkaEventLog(at).catch((error: unknown) => error)
    expect(isFailure(refused, 'log.unsafe')).toBe(true)
    expect(String(refused)).toContain(`${name}=${value}`)
  })

  it('makes topics that keep everything', async () => {
    const at = space()
    await open(at)
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: `${at.namespace}.runs.v1` }],
    })
    const settings = Object.fromEntries(
      resources[0]?.configEntries.map((one) => [one.configName, one.configValue]) ?? [],
    )
    expect(settings).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'unclean.leader.election.enable': 'false',
    })
    expect(Number(settings['max.message.bytes'])).toBeGreaterThan(8 * 1024 * 1024)
  })

  it("stops at a foreign transaction's marker as at a hole", async () => {
    const at = space()
    const log = await open(at)
    await log.append(ONE, records(2, 'a'))
    const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
    const producer = kafka.producer({
      transactionalId: at.namespace,
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: () => () => 0,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: `${at.namespace}.${ONE}`, messages: [{ key: 'k', value: 'foreign' }] })
    await transaction.commit()
    await producer.disconnect()
    await eventually('the marker', async () => (await log.bounds(ONE))[0]?.next === 4)
    await log.append(ONE, records(1, 'a'))
    const seen: number[] = []
    const read = (async () => {
      for await (const batch of log.read({ topic: ONE, partition: 0, offset: 0 }, { batchSize: 1 })) {
        seen.push(...batch.map(({ offset }) => offset))
      }
    })()
    expect(await failureOf(read)).toBe('log.gap')
    expect(await failureOf(readAll(log, ONE, 0, 3))).toBe('log.gap')
    expect((await readAll(log, ONE, 0, 4)).map(({ offset }) => offset)).toEqual([4])
  })

  it('reads records without a key, value or header, as others write them', async () => {
    const at = space()
    const log = await open(at)
    const producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer({
      createPartitioner: () => () => 0,
    })
    await producer.connect()
    await producer.send({
      topic: `${at.namespace}.${ONE}`,
      compression: CompressionTypes.GZIP,
      messages: [{ value: null }, { key: 'k', value: 'zipped' }],
    })
    await producer.disconnect()
    const stored = await readAll(log, ONE)
    expect(stored.map(({ key, headers, value }) => ({ key, headers, value: Buffer.from(value).toString() }))).toEqual([
      { key: '', headers: {}, value: '' },
      { key: 'k', headers: {}, value: 'zipped' },
    ])
  })

  it('what somebody else writes beside the identity is passed over', async () => {
    const at = space()
    const { id } = await open(at)
    const producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    const values = ['garbage', null, '{"log":5}', '{"topic":"runs.v1","id":"x","partitions":"many"}', '[]']
    await producer.send({ topic: `${at.namespace}.log.v1`, messages: values.map((value) => ({ key: 'k', value })) })
    await producer.disconnect()
    const again = await open(at)
    expect(again.id).toBe(id)
    await again.append(ONE, records(1, 'a'))
    expect(await readAll(again, ONE)).toHaveLength(1)
  })

  it('refuses a namespace that cannot be in a topic name', async () => {
    expect(await failureOf(openKafkaEventLog({ brokers: [broker], namespace: 'a/b' }))).toBe('settings.invalid')
  })

  it('says log.unavailable when no broker answers', async () => {
    const opening = openKafkaEventLog({ brokers: ['127.0.0.1:1'], openPatienceMs: 300 })
    expect(await failureOf(opening)).toBe('log.unavailable')
  })

  it('many followers share one poll', async () => {
    const at = space()
    let dialled = 0
    const log = await open(at, { dial: (address) => (dialled++, address) })
    const stop = new AbortController()
    const seen = Array.from({ length: 40 }, () => 0)
    const following = seen.map(async (_, index) => {
      const from = { topic: index % 2 === 0 ? ONE : 'dead-letters.v1', partition: 0, offset: 0 }
      for await (const batch of log.read(from, { follow: true, signal: stop.signal }))
        seen[index] = (seen[index] ?? 0) + batch.length
    })
    for (const lap of [1, 2, 3]) {
      await Promise.all([log.append(ONE, [record('a')]), log.append('dead-letters.v1', [record('b')])])
      await eventually('all forty', () => seen.every((count) => count === lap))
    }
    stop.abort()
    await Promise.all(following)
    // One each to find the cluster, to append, to read; and to poll, made again while followers come.
    expect(dialled).toBeLessThan(12)
  })
})

async function drain(reading: AsyncIterable<unknown>): Promise<void> {
  for await (const batch of reading) void batch
}

/** Made by an operator, with sound settings. */
async function remake(at: KafkaSpace, topic: string, numPartitions = 1): Promise<void> {
  const settings = { 'retention.ms': '-1', 'retention.bytes': '-1', 'max.message.bytes': '16777216' }
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, configEntries }] })
  await eventually(`${at.namespace} has it again`, async () => (await admin.listTopics()).includes(topic))
}
