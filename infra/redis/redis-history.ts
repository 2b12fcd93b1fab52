/**
 * One log in a namespace of a Redis: its id, its partition counts, the names of its keys.
 *
 * Promises: an id is made once and for all readers and writers (SET NX); a partition count is fixed at creation and kept
 * beside it; a server that may evict is refused (R5). The id is part of every stream's name, so a process can write and
 * read only the history it has opened: on a server that was emptied, or holds another log, its streams are missing.
 *
 * | key | holds |
 * |---|---|
 * | `<namespace>:id`, `<namespace>:format` | the log's id, and how it is laid out |
 * | `<namespace>:partitions` | topic → count, written once all its streams exist |
 * | `<namespace>:{<id>:<topic>:<partition>}` | the stream; made empty with the topic, never trimmed by us |
 * | `…}:writer:<session>` | what a writer appended last: `<seq> <first id>`, for 24 hours |
 */
import { randomBytes } from 'node:crypto'
import type { PartitionBounds } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import { type Topic, partitionsOf, topicNames } from '#schemas/topics.ts'
import { type RedisConnection, connectRedis } from './redis-connection.ts'
import { failureOf, isReply, staysWrong } from './redis-failure.ts'
import { readSettings } from './server-settings.ts'
import { type Entry, fieldOf, offsetOf } from './stream-record.ts'

export interface HistoryOptions {
  /** `redis://` or `rediss://`, with user, password and database number where needed. */
  readonly url: string
  /** Several logs share a server under different namespaces. Default `lattice`. */
  readonly namespace?: string
  /** Partitions of a topic of many, where it is created now. Default 1. */
  readonly partitions?: number
  /** How long an append or a one-time question waits for a lost server. Default 30,000 ms. */
  readonly patienceMs?: number
  /** For a server to be there when the log is opened. Default 5,000 ms. */
  readonly connectMs?: number
  readonly report?: Report
}

export interface RedisHistory {
  readonly id: string
  readonly redis: RedisConnection
  readonly durability: string
  readonly patienceMs: number
  partitions(topic: Topic): number
  /** The same object each time: what this process knows of a partition. */
  partition(topic: Topic, partition: number): Partition
  /** Errors: `log.diverged` when the stream is gone. */
  bounds(partition: Partition, options?: BoundsOptions): Promise<PartitionBounds>
  /** The failure for a stream that is missing, or shorter than it was. */
  diverged(partition: Partition, what: string): Promise<Failure>
}

export interface BoundsOptions {
  readonly patienceMs?: number
  readonly signal?: AbortSignal
}

export interface Partition {
  readonly topic: Topic
  readonly partition: number
  readonly stream: string
  /** The end as far as this process has seen it, and the `ce_id` before it. A shorter stream is another history. */
  readonly seen: { next: number; lastId: string }
}

const FORMAT = 1
const CONNECT_MS = 5_000

export async function openHistory(options: HistoryOptions): Promise<RedisHistory> {
  const { url, namespace = 'lattice', partitions = 1, patienceMs = 30_000, report = () => {} } = options
  checkOptions(namespace, partitions)
  const redis = connectRedis(url, { onReturn: () => void checkAgain() })
  let known = ''
  const warn = (warning: string | undefined): void => {
    if (warning === undefined || warning === known) return
    known = warning
    report({ signal: 'log.risk', message: `${redis.address}: ${warning}` })
  }
  /** It may have been started again with other settings; too late to refuse, not to warn. */
  const checkAgain = async (): Promise<void> => {
    const settings = await readSettings(redis, patienceMs).catch(() => undefined)
    const unsafe = evictionOf(settings?.evictionPolicy)
    warn([settings?.warning, unsafe].filter((part) => part !== undefined).join('; ') || undefined)
  }
  try {
    await connected(redis, Math.min(patienceMs, options.connectMs ?? CONNECT_MS))
    const settings = await readSettings(redis, patienceMs)
    refuseEviction(settings.evictionPolicy, redis.address)
    warn(settings.warning)
    const id = await identify(redis, namespace, patienceMs)
    const counts = await partitionCounts(redis, { namespace, id, many: partitions, patienceMs })
    return createHistory(redis, { id, namespace, counts, durability: settings.durability, patienceMs })
  } catch (error) {
    redis.close()
    throw error instanceof Failure ? error : failureOf(error, { doing: 'opening the log', address: redis.address })
  }
}

function createHistory(
  redis: RedisConnection,
  about: {
    readonly id: string
    readonly namespace: string
    readonly counts: ReadonlyMap<Topic, number>
    readonly durability: string
    readonly patienceMs: number
  },
): RedisHistory {
  const { id, namespace, counts, durability, patienceMs } = about
  const all = new Map(
    [...counts].map(([topic, count]) => [
      topic,
      Array.from({ length: count }, (_, partition): Partition => {
        const stream = streamName({ namespace, id, topic, partition })
        return { topic, partition, stream, seen: { next: 0, lastId: '' } }
      }),
    ]),
  )

  function partitions(topic: Topic): number {
    return all.get(topic)?.length ?? 0
  }

  function partition(topic: Topic, partition: number): Partition {
    const found = all.get(topic)?.[partition]
    if (found === undefined) throw new Failure('position.invalid', `${topic} has no partition ${partition}`)
    return found
  }

  async function bounds(of: Partition, options: BoundsOptions = {}): Promise<PartitionBounds> {
    const patience = { patienceMs, ...options, doing: `reading the bounds of ${of.topic}` }
    try {
      return { partition: of.partition, ...boundsOf(of, await redis.ask('xinfo', ['STREAM', of.stream], patience)) }
    } catch (error) {
      if (isReply(error) && error.message.includes('no such key')) throw await diverged(of, 'its stream is gone')
      throw isReply(error) ? failureOf(error, { doing: patience.doing, address: redis.address }) : error
    }
  }

  async function diverged(of: Partition, what: string): Promise<Failure> {
    const now = await redis.send('get', `${namespace}:id`).catch(() => undefined)
    const other = Buffer.isBuffer(now) && now.toString() !== id ? `; the log there is now ${now.toString()}` : ''
    return new Failure(
      'log.diverged',
      `${redis.address} no longer holds the history of log ${id} in ${of.topic}, partition ${of.partition}: ${what}${other}`,
      { remedy: 'Bring that history back, or start again on the log that is there and rebuild the stores.' },
    )
  }

  return { id, redis, durability, patienceMs, partitions, partition, bounds, diverged }
}

/** XINFO STREAM tells both ends, and keeps the last id also when everything was trimmed. */
function boundsOf({ stream }: Partition, reply: unknown): { readonly first: number; readonly next: number } {
  const fields = reply as readonly unknown[]
  const ends = ['first-entry', 'last-entry'].map((name) => fieldOf(fields, name) as Entry | null)
  const foreign = ends.find((entry) => entry !== null && offsetOf(entry[0]) === undefined)?.[0].toString()
  if (foreign !== undefined) {
    throw new Failure('log.gap', `${stream} holds an entry that is no record of this log: ${foreign}`, {
      remedy: `Remove what somebody else wrote there: XDEL ${stream} ${foreign}`,
    })
  }
  // Such an entry, once removed, leaves its id behind, within that of the last record.
  const next = Number(String(fieldOf(fields, 'last-generated-id')).split('-')[0])
  const [first] = ends
  return { first: first === null || first === undefined ? next : (offsetOf(first[0]) ?? next), next }
}

function checkOptions(namespace: string, partitions: number): void {
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(namespace)) {
    throw new Failure(
      'settings.invalid',
      `a namespace is made of letters, digits, '.', '_', ':' and '-', not ${namespace}`,
    )
  }
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1024) {
    throw new Failure('settings.invalid', `a topic has 1 to 1024 partitions, not ${partitions}`)
  }
}

/** Waits for the server; not where it answers and what is wrong stays wrong. */
async function connected(redis: RedisConnection, patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs
  for (;;) {
    if (await redis.ready(until - performance.now())) return
    const { lastError } = redis
    if (performance.now() >= until || (lastError !== undefined && staysWrong(lastError))) {
      throw failureOf(lastError ?? new Error('no answer'), { doing: 'connecting', address: redis.address })
    }
  }
}

function evictionOf(policy: string | undefined): string | undefined {
  if (policy === undefined || policy === 'noeviction') return undefined
  return `maxmemory-policy ${policy}: when memory is short it drops events`
}

function refuseEviction(policy: string | undefined, address: string): void {
  const unsafe = evictionOf(policy)
  if (unsafe === undefined) return
  throw new Failure('log.unsafe', `${address} has ${unsafe}`, {
    remedy: 'Set maxmemory-policy to noeviction in that Redis, or use another one for the log.',
  })
}

async function identify(redis: RedisConnection, namespace: string, patienceMs: number): Promise<string> {
  const patience = { doing: 'opening the log', patienceMs }
  // Written where it is not there yet, and only then: a server that takes no writes can still be read.
  const made = async (key: string, value: string): Promise<string> => {
    const stored = async () => (await redis.ask('get', [key], patience)) as Buffer | null
    const there = await stored()
    if (there === null) await redis.ask('set', [key, value, 'NX'], patience)
    return String(there ?? (await stored()))
  }
  const format = Number(await made(`${namespace}:format`, String(FORMAT)))
  if (format !== FORMAT) {
    throw new Failure(
      'log.newer',
      `the log on ${redis.address} has format ${format}; this version reads up to ${FORMAT}`,
      {
        remedy: 'Use the version that wrote it, or a newer one.',
      },
    )
  }
  return made(`${namespace}:id`, randomBytes(8).toString('hex'))
}

/** Makes what is missing; a topic's count is written after its streams, so a known topic without one has lost it. */
async function partitionCounts(
  redis: RedisConnection,
  about: { readonly namespace: string; readonly id: string; readonly many: number; readonly patienceMs: number },
): Promise<Map<Topic, number>> {
  const { namespace, id, many, patienceMs } = about
  const patience = { doing: 'opening the log', patienceMs }
  const key = `${namespace}:partitions`
  const counts = new Map<Topic, number>()
  for (const topic of topicNames) {
    const stored = async () => Number(await redis.ask('hget', [key, topic], patience))
    const known = await stored()
    const streams = (count: number) =>
      Array.from({ length: count }, (_, partition) => streamName({ namespace, id, topic, partition }))
    if (known === 0) {
      for (const stream of streams(partitionsOf(topic, many))) await createStream(redis, stream, patienceMs)
      await redis.ask('hsetnx', [key, topic, partitionsOf(topic, many)], patience)
    } else if ((await redis.ask('exists', streams(known), patience)) !== known) {
      throw new Failure('log.diverged', `log ${id} on ${redis.address} has lost a stream of ${topic}`, {
        remedy: 'Bring it back from a backup, or empty that namespace and start a new log.',
      })
    }
    counts.set(topic, await stored())
  }
  return counts
}

/** An empty stream: only a group can make one. */
async function createStream(redis: RedisConnection, stream: string, patienceMs: number): Promise<void> {
  const patience = { doing: 'creating a stream', patienceMs }
  await redis.ask('xgroup', ['CREATE', stream, 'created', '0', 'MKSTREAM'], patience).catch((error: unknown) => {
    if (!isReply(error) || !error.message.includes('BUSYGROUP')) throw error
  })
  await redis.ask('xgroup', ['DESTROY', stream, 'created'], patience)
}

function streamName(of: {
  readonly namespace: string
  readonly id: string
  readonly topic: Topic
  readonly partition: number
}): string {
  return `${of.namespace}:{${of.id}:${of.topic}:${of.partition}}`
}
