/**
 * The Kafka log and its work share, beside kafkajs doing the same by itself.
 *
 * Floor of an append: kafkajs' idempotent producer with acks=-1, the same records, partitions and topic settings. Floor
 * of a scan: kafkajs' consumer, subscribed from the beginning, looking at no header.
 */
import { randomUUID } from 'node:crypto'
import { Kafka, type Message, type Producer, logLevel } from 'kafkajs'
import { openKafkaEventLog } from '#infra/kafka/kafka-event-log.ts'
import { openKafkaWorkShare } from '#infra/kafka/kafka-work-share.ts'
import { type EventLog, type NewRecord, partitionOf } from '#processors/ports/event-log.ts'
import { topicNames } from '#schemas/topics.ts'
import { inTurns, rate, rateAtOnce } from './in-turns.ts'
import { deliveryRow, idleRow, scanRows } from './log-legs.ts'
import { someRecords, topic, valueBytes } from './log-records.ts'
import type { Measure, Row } from './row.ts'

const partitions = 6
/** A batch of the journal holds events of several runs. */
const runsOfBatch = 10
const conditions = { payloadBytes: valueBytes, sync: 'acks=-1' } as const

export const measure: Measure = async ({ quick, kafka: server }) => {
  const { brokers } = await server()
  const laps = quick ? 1 : 5
  const lapMs = quick ? 50 : 1_500
  const rows: Row[] = []
  const namespace = `bench-${randomUUID().slice(0, 8)}`
  const log = await openKafkaEventLog({ brokers: [brokers], namespace, partitions })
  // The topics of a log of its own: the same settings, and nobody else's records.
  const forRaw = await openKafkaEventLog({ brokers: [brokers], namespace: `${namespace}-raw`, partitions })
  await forRaw.close()
  const rawTopic = `${namespace}-raw.${topic}`
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, clientId: 'bench' })
  const raw = kafka.producer({ idempotent: true, allowAutoTopicCreation: false, createPartitioner: () => byKey })
  await raw.connect()

  for (const batch of [1, 100, 1000]) {
    const records = someRecords(batch, runsOfBatch)
    const messages = records.map(asMessage)
    const [floor, ours] = await inTurns(laps, [
      () => rate(lapMs, batch, () => send(raw, rawTopic, messages)),
      () => rate(lapMs, batch, () => log.append(topic, records)),
    ])
    const target = batch === 1 ? {} : { target: { ratio: 0.8 } }
    rows.push({ figure: `append-kafka batch ${batch}`, unit: 'events/s', floor, ours, ...conditions, ...target })
  }
  const singles = someRecords(64, runsOfBatch)
  const lanes = singles.map((record) => ({ record, message: asMessage(record) }))
  const [floor, ours] = await inTurns(laps, [
    () => rateAtOnce(lanes, lapMs, ({ message }) => send(raw, rawTopic, [message])),
    () => rateAtOnce(lanes, lapMs, ({ record }) => log.append(topic, [record])),
  ])
  rows.push({ figure: 'append-kafka 64 at once', unit: 'events/s', floor, ours, target: { ratio: 0.8 }, ...conditions })
  await raw.disconnect()
  await log.close()

  rows.push(...(await scans({ kafka, brokers, quick })))
  rows.push(await deliveries({ brokers, quick }))
  rows.push(await idle({ brokers, quick }))
  return rows
}

async function scans(options: { kafka: Kafka; brokers: string; quick: boolean }): Promise<Row[]> {
  const { kafka, brokers, quick } = options
  const count = quick ? 5_000 : 200_000
  const { log, namespace } = await filled(brokers, count)
  const rows = await scanRows('kafka', {
    log,
    count,
    laps: quick ? 1 : 3,
    floor: () => consume(kafka, { topic: `${namespace}.${topic}`, count }),
    target: { ratio: 0.8 },
    note: `10 headers, ${partitions} partitions`,
  })
  await log.close()
  return rows
}

/** Records a second from the first record a consumer sees to the last; joining its group does not count. */
async function consume(kafka: Kafka, options: { topic: string; count: number }): Promise<number> {
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: options.topic, fromBeginning: true })
  let seen = 0
  let begun = 0
  const ended = new Promise<number>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          if (seen === 0) begun = performance.now()
          seen += batch.messages.length
          if (seen >= options.count) resolve(performance.now())
        },
      })
      .catch(reject)
  })
  const end = await ended
  await consumer.disconnect()
  return (options.count / (end - begun)) * 1000
}

async function deliveries(options: { brokers: string; quick: boolean }): Promise<Row> {
  const count = options.quick ? 1_000 : 20_000
  const { log } = await filled(options.brokers, count)
  const share = await openKafkaWorkShare({ brokers: [options.brokers], log })
  const row = await deliveryRow('kafka', share, count)
  await share.close()
  await log.close()
  return row
}

async function idle({ brokers, quick }: { readonly brokers: string; readonly quick: boolean }): Promise<Row> {
  const namespace = `bench-${randomUUID().slice(0, 8)}`
  const log = await openKafkaEventLog({ brokers: [brokers], namespace, partitions })
  const share = await openKafkaWorkShare({ brokers: [], log })
  const all = topicNames.flatMap((name) =>
    Array.from({ length: log.partitions(name) }, (_, partition) => ({ topic: name, partition, offset: 0 })),
  )
  const follow = Array.from({ length: 5 }, () => all).flat()
  const note = 'five followers of each partition of each topic, and a worker'
  const row = await idleRow('kafka', { log, share, follow, quick, note })
  await share.close()
  await log.close()
  return row
}

async function filled(brokers: string, count: number): Promise<{ log: EventLog; namespace: string }> {
  const namespace = `bench-${randomUUID().slice(0, 8)}`
  const log = await openKafkaEventLog({ brokers: [brokers], namespace, partitions })
  for (let written = 0; written < count; written += 1000) await log.append(topic, someRecords(1000, runsOfBatch))
  return { log, namespace }
}

function asMessage({ key, headers, value }: NewRecord): Message {
  return { key, headers, value: Buffer.from(value), partition: partitionOf(key, partitions) }
}

function byKey({ message }: { readonly message: Message }): number {
  return message.partition ?? 0
}

async function send(producer: Producer, to: string, messages: Message[]): Promise<void> {
  await producer.send({ topic: to, acks: -1, messages })
}
