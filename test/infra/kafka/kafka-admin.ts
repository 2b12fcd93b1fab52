/** What an operator does to a broker, for tests: kafkajs' own admin client, independent of what is tested. */
import { randomBytes } from 'node:crypto'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { type Link, openLink } from '#infra/kafka/connection.ts'
import { parseBroker } from '#infra/kafka/cluster.ts'
import { stopIdleTimer } from '#infra/kafka/idle-timer.ts'
import type { KafkaSpace } from './kafka-opener.ts'

export function spaceOn(broker: string, partitions: number): KafkaSpace {
  return { brokers: [broker], namespace: `t-${randomBytes(6).toString('hex')}`, partitions }
}

export async function connectAdmin(broker: string): Promise<Admin> {
  stopIdleTimer()
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, clientId: 'test-admin' }).admin()
  await admin.connect()
  return admin
}

/** Deletes every topic of a space, its identity too. */
export async function forget(admin: Admin, { namespace }: KafkaSpace): Promise<void> {
  const topics = (await admin.listTopics()).filter((name) => name.startsWith(`${namespace}.`))
  if (topics.length > 0) await admin.deleteTopics({ topics })
}

export async function trim(admin: Admin, at: { topic: string; partition: number; before: number }): Promise<void> {
  await admin.fetchTopicOffsets(at.topic) // kafkajs looks for leaders only among the topics it was asked about before
  await admin.deleteTopicRecords({ topic: at.topic, partitions: [{ partition: at.partition, offset: `${at.before}` }] })
}

/** One connection of ours to a broker, with the limits of a test. */
export async function linkTo(broker: string): Promise<Link> {
  return await openLink(parseBroker(broker), { clientId: 'test', connectTimeoutMs: 3_000, requestTimeoutMs: 5_000 })
}
