/**
 * The log on Apache Kafka 3.1 or newer.
 *
 * Promises beside the port's: an append is acknowledged by all in-sync replicas. A topic of the log is never the wrong
 * one: its id is part of every fetch, and it is compared with the log's own record of it whenever a broker is asked
 * about it, at least every `checkEveryMs` (R5). Our partitioner decides, never kafkajs' or the broker's.
 */
import type {
  AppendOptions,
  EventLog,
  NewRecord,
  PartitionBounds,
  ReadOptions,
  StoredRecord,
} from '#processors/ports/event-log.ts'
import { partitionOf, recordLimits } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { sizeOf } from '#processors/ports/record-size.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Position } from '#schemas/position.ts'
import { type Topic, partitionsOf, topicNames } from '#schemas/topics.ts'
import { Appender, type Part } from './appender.ts'
import { KafkaCluster } from './cluster.ts'
import type { ConnectionSettings } from './connection.ts'
import { type History, type TopicOfLog, compare, openHistory } from './history.ts'
import { Patience, closed } from './patience.ts'
import { Reader } from './reader.ts'
import { Tail, pollsOf } from './tail.ts'
import type { TopicMetadata } from './requests.ts'

export interface KafkaEventLogOptions {
  /** host:port of some brokers; the rest of the cluster is found from them. */
  readonly brokers: readonly string[]
  /** Put before each topic's name, with a dot, so that several logs can share a cluster. Default `lattice`. */
  readonly namespace?: string
  /** Partitions of a 'many' topic that is made now. Default 6. */
  readonly partitions?: number
  /** Replicas of a topic that is made now. Default 3, or the number of brokers where that is less. */
  readonly replicationFactor?: number
  readonly ssl?: ConnectionSettings['ssl']
  readonly sasl?: ConnectionSettings['sasl']
  readonly dial?: ConnectionSettings['dial']
  /** How long opening waits for a broker. Default 10,000. */
  readonly openPatienceMs?: number
  /** How long an append is retried before its outcome is unknown. Default 30,000. */
  readonly appendPatienceMs?: number
  /** How often an open log compares its topics with its own record of them. Default 30,000. */
  readonly checkEveryMs?: number
  readonly report?: Report
}

/** Topics that are gone are looked for again this long, in case a broker has just started. */
const MISSING_FOR_MS = 3_000
/** Appends under way get this long to settle when the log is closed. */
const CLOSE_GRACE_MS = 5_000

export async function openKafkaEventLog(options: KafkaEventLogOptions): Promise<EventLog> {
  const prefix = prefixOf(options.namespace)
  const { report = () => {} } = options
  const cluster = new KafkaCluster({
    brokers: options.brokers,
    connection: connectionOf(options),
    onReachable: (reachable, reason) =>
      reachable
        ? report({ signal: 'notice', message: 'Kafka answers again' })
        : report({ signal: 'log.warning', message: `Kafka: ${reason}; trying again` }),
  })
  const tail = new Tail(pollsOf(cluster, 1_000))
  const state: { failure: Failure | undefined } = { failure: undefined }
  const guard = () => {
    if (state.failure !== undefined) throw state.failure
  }
  const appender = new Appender(cluster, { patienceMs: options.appendPatienceMs ?? 30_000, brokerTimeoutMs: 10_000 })
  const reader = new Reader(cluster, tail, guard)
  try {
    const history = await openHistory(
      { cluster, appender, reader },
      {
        prefix,
        topics: topicNames.map((topic) => ({
          name: prefix + topic,
          partitions: partitionsOf(topic, options.partitions ?? 6),
        })),
        replicationFactor: options.replicationFactor,
        patience: new Patience(options.openPatienceMs ?? 10_000),
      },
    )
    const log = new KafkaEventLog({ cluster, appender, reader, tail, history, prefix, state, ...options })
    for (const message of history.warnings) report({ signal: 'log.risk', message })
    return log
  } catch (error) {
    tail.close()
    cluster.close()
    throw error
  }
}

export function prefixOf(namespace = 'lattice'): string {
  if (!/^[A-Za-z0-9._-]{0,64}$/.test(namespace)) {
    throw new Failure('settings.invalid', `"${namespace}" cannot be part of a Kafka topic's name`, {
      remedy: 'Use letters, digits, ".", "_" and "-".',
    })
  }
  return namespace === '' ? '' : `${namespace}.`
}

export function connectionOf(options: Pick<KafkaEventLogOptions, 'ssl' | 'sasl' | 'dial'>): ConnectionSettings {
  const { ssl, sasl, dial } = options
  return {
    clientId: 'lattice',
    connectTimeoutMs: 3_000,
    requestTimeoutMs: 5_000,
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(dial === undefined ? {} : { dial }),
  }
}

/** What a log is made of, for the work share that stands on the same connections. */
export interface Inside {
  readonly cluster: KafkaCluster
  readonly appender: Appender
  readonly reader: Reader
  readonly tail: Tail
  readonly history: History
  readonly prefix: string
  readonly state: { failure: Failure | undefined }
  readonly checkEveryMs?: number
}

const insides = new WeakMap<EventLog, Inside>()

/** Undefined when the log is not one of this backend. */
export function insideOf(log: EventLog): Inside | undefined {
  return insides.get(log)
}

class KafkaEventLog implements EventLog {
  readonly backend = 'kafka'
  readonly id: string
  readonly durability: string
  readonly #inside: Inside
  readonly #checking: NodeJS.Timeout
  #missingSince: number | undefined
  #closing: Promise<void> | undefined

  constructor(inside: Inside) {
    const { history, prefix, cluster } = inside
    const { factor, minInSync } = history.replication
    this.#inside = inside
    insides.set(this, inside)
    this.id = history.id
    this.durability = `acknowledged by all in-sync replicas: ${factor} of each partition, at least ${minInSync} in sync; each broker writes to its disk in its own time`
    cluster.watch([`${prefix}log.v1`, ...history.topics.keys()], (topics) => this.#compare(topics))
    this.#checking = setInterval(() => void cluster.refresh().catch(() => {}), inside.checkEveryMs ?? 30_000)
    this.#checking.unref()
  }

  partitions(topic: Topic): number {
    return this.#topic(topic).partitions
  }

  async append(topic: Topic, records: readonly NewRecord[], options?: AppendOptions): Promise<readonly Position[]> {
    this.#guard()
    if (records.length === 0) return []
    const bytes = weigh(records)
    const { id, name, partitions } = this.#topic(topic)
    const placed = records.map(({ key }) => partitionOf(key, partitions))
    const byPartition = Map.groupBy(records.keys(), (index) => placed[index] as number)
    const parts: Part[] = [...byPartition].map(([partition, indexes]) => ({
      topic: { id, name },
      partition,
      records: indexes.map((index) => records[index] as NewRecord),
    }))
    const firsts = await this.#inside.appender.append(parts, bytes, options?.patienceMs)
    const nextOffset = new Map(parts.map(({ partition }, index) => [partition, firsts[index] as number]))
    return placed.map((partition) => {
      const offset = nextOffset.get(partition) as number
      nextOffset.set(partition, offset + 1)
      return { topic, partition, offset }
    })
  }

  read(from: Position, options: ReadOptions = {}): AsyncIterable<readonly StoredRecord[]> {
    const { id, name } = this.#topic(from.topic as Topic, from.partition)
    this.#guard()
    return this.#inside.reader.read({ topic: { id, name }, partition: from.partition, offset: from.offset }, options)
  }

  async bounds(topic: Topic): Promise<readonly PartitionBounds[]> {
    this.#guard()
    const { id, name, partitions } = this.#topic(topic)
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    return await this.#inside.reader.bounds({ id, name }, { partitions: all, patience: new Patience(30_000) })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { appender, reader, cluster, tail } = this.#inside
    clearInterval(this.#checking)
    reader.close()
    tail.close()
    await appender.close(CLOSE_GRACE_MS)
    cluster.close()
  }

  #guard(): void {
    if (this.#closing !== undefined) throw closed()
    if (this.#inside.state.failure !== undefined) throw this.#inside.state.failure
  }

  #topic(topic: Topic, partition = 0): TopicOfLog {
    const known = this.#inside.history.topics.get(this.#inside.prefix + topic)
    if (known !== undefined && partition >= 0 && partition < known.partitions) return known
    throw new Failure('position.invalid', `the log has no partition ${partition} of ${topic}`)
  }

  /** Sees every answer of a broker about the topics; a history that is another one stops the log for good. */
  #compare(now: readonly TopicMetadata[]): void {
    const { history, state, tail } = this.#inside
    const missing = now.some(({ errorCode }) => errorCode === 3)
    this.#missingSince = missing ? (this.#missingSince ?? performance.now()) : undefined
    if (this.#missingSince !== undefined && performance.now() - this.#missingSince < MISSING_FOR_MS) return
    const found = new Map(now.map((topic) => [topic.name, topic]))
    try {
      for (const marked of history.topics.values()) compare(marked, found.get(marked.name))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      state.failure ??= error
      tail.wakeAll()
      throw error
    }
  }
}

/** An upper bound of what the records weigh; refuses what is over the limits. */
function weigh(records: readonly NewRecord[]): number {
  if (records.length > recordLimits.records)
    throw tooLarge(`${records.length} records in one append, at most ${recordLimits.records}`)
  let bytes = 0
  for (const { key, headers, value } of records) {
    bytes += value.length + 3 * key.length
    for (const name of Object.keys(headers)) bytes += 3 * (name.length + (headers[name] as string).length)
    if (key.length > 170 && Buffer.byteLength(key) > 512) throw tooLarge('a key is longer than 512 bytes')
  }
  if (bytes <= recordLimits.bytes) return bytes
  const exact = records.reduce((sum, record) => sum + sizeOf(record), 0)
  if (exact > recordLimits.bytes) throw tooLarge(`${exact} bytes in one append, at most ${recordLimits.bytes}`)
  return exact
}

function tooLarge(what: string): Failure {
  return new Failure('record.too-large', what, { remedy: 'Split the append, or put large fields into the objects.' })
}
