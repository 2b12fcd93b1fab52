/**
 * Which history a Kafka log is: its id, and the one topic behind each name (R5).
 *
 * A topic of one partition, `<prefix>log.v1`, keeps the log's identity: the first record that names an id gives it, so
 * processes that open a new log at once agree; then one record a topic gives Kafka's own id of it and its partition
 * count, as they were when the log first had it.
 *
 * Promise: a topic that was deleted, made again, or given more partitions is a named stop (`log.diverged`), at the next
 * open and, while a log is open, as soon as a broker is asked about it. Nothing is made anew in place of what is gone.
 */
import { randomUUID } from 'node:crypto'
import type { NewRecord, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { Appender } from './appender.ts'
import { type KafkaCluster, Unreachable } from './cluster.ts'
import { code, nameOf } from './error-codes.ts'
import { Patience, unavailable } from './patience.ts'
import type { Reader } from './reader.ts'
import type { TopicMetadata, TopicName } from './requests.ts'
import { type Replication, createTopic, judgeSettings, readSettings } from './topic-settings.ts'

const FORMAT = 1

export interface TopicOfLog extends TopicName {
  readonly partitions: number
}

export interface History {
  readonly id: string
  /** By Kafka's name for the topic. */
  readonly topics: ReadonlyMap<string, TopicOfLog>
  readonly replication: Replication
  /** What is a risk but no reason to refuse. */
  readonly warnings: readonly string[]
}

export interface HistoryOptions {
  readonly prefix: string
  /** The topics a log has, by Kafka's names, and the partitions each gets when it is made. */
  readonly topics: readonly { readonly name: string; readonly partitions: number }[]
  readonly replicationFactor?: number | undefined
  readonly patience: Patience
}

interface Ports {
  readonly cluster: KafkaCluster
  readonly appender: Appender
  readonly reader: Reader
}

type Identity =
  | { readonly log: string; readonly format: number }
  | { readonly topic: string; readonly id: string; readonly partitions: number }

/** How long one attempt to read or write the identity may take; another begins from what the topics are by then. */
const ATTEMPT_MS = 2_000
/** A topic that is gone is looked for again this long, in case the broker has just started and not heard of all yet. */
const GONE_FOR_MS = 1_500

class TopicGone extends Failure {}

class NotLetIn extends Failure {
  constructor({ code, message, remedy, cause }: Failure) {
    super(code, message, { remedy, cause })
  }
}

export async function openHistory(ports: Ports, options: HistoryOptions): Promise<History> {
  const gone = new Patience(GONE_FOR_MS)
  for (;;) {
    try {
      return await openNow(ports, options)
    } catch (error) {
      // What was found may be deleted, or made, by the time it is used.
      const passing = isFailure(error, 'log.unavailable') || isFailure(error, 'append.outcome-unknown')
      const told = isFailure(error, 'log.unavailable') && options.patience.exhausted
      if (error instanceof NotLetIn || told) throw error
      if (error instanceof TopicGone && !gone.exhausted) await gone.wait(new Unreachable(error.message))
      else if (passing) await options.patience.wait(new Unreachable(error.message))
      else throw error
    }
  }
}

async function openNow(ports: Ports, options: HistoryOptions): Promise<History> {
  const identityTopic = `${options.prefix}log.v1`
  const names = [identityTopic, ...options.topics.map(({ name }) => name)]
  const found = await describe(ports.cluster, { names, patience: options.patience })
  const replication = replicationOf(found, options.replicationFactor ?? Math.min(3, ports.cluster.size))

  const identity = await ensureTopic(ports.cluster, found, {
    name: identityTopic,
    partitions: 1,
    replication,
    patience: options.patience,
  })
  let known = await readIdentity(ports.reader, identity)
  if (known.id === undefined) {
    await write(ports.appender, { identity, records: [{ log: randomUUID(), format: FORMAT }] })
    known = await readIdentity(ports.reader, identity)
  }

  const unmarked: TopicOfLog[] = []
  for (const { name, partitions } of options.topics) {
    const marked = known.topics.get(name)
    if (marked === undefined) {
      const topic = await ensureTopic(ports.cluster, found, {
        name,
        partitions,
        replication,
        patience: options.patience,
      })
      unmarked.push({ ...topic, partitions: topic.partitions.length })
    } else compare(marked, found.get(name))
  }
  if (unmarked.length > 0) {
    await write(ports.appender, {
      identity,
      records: unmarked.map(({ name, id, partitions }) => ({ topic: name, id, partitions })),
    })
    known = await readIdentity(ports.reader, identity)
    for (const { name } of unmarked) compare(known.topics.get(name) as TopicOfLog, ports.cluster.topic(name))
  }

  const warnings = await judge(ports.cluster, { names, patience: options.patience })
  return { id: known.id as string, topics: known.topics, replication, warnings }
}

/** Throws `log.diverged` when a topic is not the one the log was made of. */
export function compare(marked: TopicOfLog, now: TopicMetadata | undefined): void {
  const { name } = marked
  if (now === undefined || now.errorCode === code.unknownTopic) {
    throw new TopicGone('log.diverged', `Kafka topic ${name} was deleted: this is not the history it was`, { remedy })
  }
  if (now.errorCode !== code.none) return
  if (now.id !== marked.id) throw diverged(`Kafka topic ${name} was deleted and made again`)
  if (now.partitions.length !== marked.partitions) {
    throw diverged(
      `Kafka topic ${name} has ${now.partitions.length} partitions; the log was made with ${marked.partitions}`,
    )
  }
}

function diverged(what: string): Failure {
  return new Failure('log.diverged', `${what}: this is not the history it was`, { remedy })
}

const remedy = 'Restore the topic; or, to begin a new log, delete all its topics or choose another namespace.'

/** The topics as they are now, asked until each that exists has its leaders. */
async function describe(
  cluster: KafkaCluster,
  options: { readonly names: readonly string[]; readonly patience: Patience },
): Promise<Map<string, TopicMetadata>> {
  cluster.watch(options.names, () => {})
  for (;;) {
    try {
      const { topics } = await cluster.refresh()
      const broken = topics.find((topic) => !isSettled(topic))
      if (broken !== undefined) throw new Unreachable(`topic ${broken.name}: ${nameOf(broken.errorCode)}`)
      return new Map(topics.filter(({ errorCode }) => errorCode === code.none).map((topic) => [topic.name, topic]))
    } catch (error) {
      // Whoever opens a log is there to mend it; waiting does not.
      if (error instanceof Unreachable && error.remedy !== undefined) throw new NotLetIn(unavailable(error))
      await options.patience.wait(error)
    }
  }
}

function isSettled({ errorCode, partitions }: TopicMetadata): boolean {
  if (errorCode === code.unknownTopic) return true
  return errorCode === code.none && partitions.every(({ leader }) => leader >= 0)
}

function replicationOf(found: ReadonlyMap<string, TopicMetadata>, wanted: number): Replication {
  const [first] = found.values()
  const factor = first?.partitions[0]?.replicas ?? wanted
  return { factor, minInSync: factor >= 3 ? 2 : 1 }
}

async function ensureTopic(
  cluster: KafkaCluster,
  found: Map<string, TopicMetadata>,
  wanted: {
    readonly name: string
    readonly partitions: number
    readonly replication: Replication
    readonly patience: Patience
  },
): Promise<TopicMetadata> {
  const { name, patience } = wanted
  for (;;) {
    const existing = found.get(name)
    if (existing !== undefined) return existing
    try {
      await createTopic(await cluster.controller(), wanted)
      const { topics } = await cluster.refresh()
      for (const topic of topics) if (topic.errorCode === code.none && isSettled(topic)) found.set(topic.name, topic)
      if (!found.has(name)) throw new Unreachable(`topic ${name} is being made`)
    } catch (error) {
      await patience.wait(error)
    }
  }
}

async function readIdentity(
  reader: Reader,
  topic: TopicName,
): Promise<{ id: string | undefined; topics: Map<string, TopicOfLog> }> {
  let id: string | undefined
  const topics = new Map<string, TopicOfLog>()
  for await (const batch of reader.read({ topic, partition: 0, offset: 0 }, { patienceMs: ATTEMPT_MS })) {
    for (const record of batch) {
      const said = parse(record)
      if (said === undefined) continue
      if ('log' in said) id ??= said.log
      else if (!topics.has(said.topic)) topics.set(said.topic, { ...said, name: said.topic })
    }
  }
  return { id, topics }
}

/** Undefined for what somebody else wrote there. */
function parse(record: StoredRecord): Identity | undefined {
  const said = jsonOf(record)
  if (typeof said !== 'object' || said === null) return undefined
  if ('format' in said && typeof said.format === 'number' && said.format > FORMAT) {
    throw new Failure('log.newer', `the log was made by a newer version (format ${said.format})`, {
      remedy: 'Use that version, or a newer one.',
    })
  }
  const isOfLog = 'log' in said && typeof said.log === 'string' && said.log !== ''
  const isOfTopic =
    'topic' in said &&
    typeof said.topic === 'string' &&
    'id' in said &&
    typeof said.id === 'string' &&
    'partitions' in said &&
    Number.isSafeInteger(said.partitions)
  return isOfLog || isOfTopic ? (said as Identity) : undefined
}

function jsonOf({ value }: StoredRecord): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8'))
  } catch {
    return undefined
  }
}

async function write(
  appender: Appender,
  given: { readonly identity: TopicName; readonly records: readonly Identity[] },
): Promise<void> {
  const records: NewRecord[] = given.records.map((said) => ({
    key: 'log' in said ? 'log' : said.topic,
    headers: {},
    value: Buffer.from(JSON.stringify(said)),
  }))
  await appender.append([{ topic: given.identity, partition: 0, records }], 1_000 * records.length, ATTEMPT_MS)
}

async function judge(
  cluster: KafkaCluster,
  options: { readonly names: readonly string[]; readonly patience: Patience },
): Promise<string[]> {
  for (;;) {
    try {
      const settings = await readSettings(await cluster.controller(), options.names)
      return options.names.flatMap((name) =>
        judgeSettings(name, {
          settings: settings.get(name) ?? {},
          replicas: cluster.topic(name)?.partitions[0]?.replicas ?? 1,
        }),
      )
    } catch (error) {
      await options.patience.wait(error)
    }
  }
}
