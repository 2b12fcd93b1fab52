/**
 * How a topic must be set so that a log on it can be trusted (R5), and how Lattice makes one.
 *
 * Promise: a topic that would lose events by itself, by retention, compaction or an unclean election, is refused by name
 * before anything is read from it or appended to it.
 */
import { Failure } from '#processors/ports/failure.ts'
import { type Link, protocolError } from './connection.ts'

/** 8 MiB of records and what their batch adds. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

export interface Replication {
  readonly factor: number
  readonly minInSync: number
}

export async function createTopic(
  link: Link,
  topic: { readonly name: string; readonly partitions: number; readonly replication: Replication },
): Promise<void> {
  const settings = {
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'unclean.leader.election.enable': 'false',
    'min.insync.replicas': String(topic.replication.minInSync),
    'max.message.bytes': String(MAX_MESSAGE_BYTES),
    'compression.type': 'producer',
  }
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  const { factor: replicationFactor } = topic.replication
  const asked = { topic: topic.name, numPartitions: topic.partitions, replicationFactor, configEntries }
  try {
    await link.ask(async (broker) => await broker.createTopics({ topics: [asked], timeout: 10_000 }))
  } catch (error) {
    if (protocolError(error) !== 'TOPIC_ALREADY_EXISTS') throw error
  }
}

export type TopicSettings = Readonly<Record<string, string>>

const TOPIC_RESOURCE = 2

export async function readSettings(link: Link, topics: readonly string[]): Promise<Map<string, TopicSettings>> {
  const resources = topics.map((name) => ({ type: TOPIC_RESOURCE, name }))
  const answer = await link.ask(async (broker) => await broker.describeConfigs({ resources }))
  return new Map(
    answer.resources.map(({ resourceName, configEntries }) => [
      resourceName,
      Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  )
}

/** Throws `log.unsafe` for what would lose events; answers with what is only a risk, in words. */
export function judgeSettings(
  topic: string,
  given: { readonly settings: TopicSettings; readonly replicas: number },
): string[] {
  const { settings, replicas } = given
  const policy = settings['cleanup.policy'] ?? 'delete'
  if (policy !== 'delete') throw unsafe(topic, { name: 'cleanup.policy', is: policy, must: 'delete' })
  for (const name of ['retention.ms', 'retention.bytes']) {
    const is = settings[name] ?? '-1'
    if (Number(is) >= 0) throw unsafe(topic, { name, is, must: '-1' })
  }
  if (settings['unclean.leader.election.enable'] === 'true') {
    throw unsafe(topic, { name: 'unclean.leader.election.enable', is: 'true', must: 'false' })
  }
  const largest = settings['max.message.bytes'] ?? '0'
  if (Number(largest) < MAX_MESSAGE_BYTES) {
    throw unsafe(topic, { name: 'max.message.bytes', is: largest, must: String(MAX_MESSAGE_BYTES) })
  }
  const compression = settings['compression.type'] ?? 'producer'
  if (compression === 'snappy' || compression === 'lz4') {
    throw unsafe(topic, { name: 'compression.type', is: compression, must: 'producer' })
  }
  if (replicas >= 3 && Number(settings['min.insync.replicas'] ?? '1') < 2) {
    return [
      `${topic}: min.insync.replicas is 1 with ${replicas} replicas; an acknowledged record may stand on one broker alone. Set it to 2.`,
    ]
  }
  return []
}

function unsafe(
  topic: string,
  setting: { readonly name: string; readonly is: string; readonly must: string },
): Failure {
  const { name, is, must } = setting
  return new Failure('log.unsafe', `Kafka topic ${topic} has ${name}=${is}; it would lose or refuse events`, {
    remedy: `kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${must}`,
  })
}
