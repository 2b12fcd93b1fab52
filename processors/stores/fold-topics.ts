import { decodeRecords } from '#processors/journal/read.ts'
import type { BadRecord, Decoded } from '#processors/journal/read.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Park } from '#processors/journal/park.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import { isEventType } from '#schemas/catalog.ts'
import type { Topic } from '#schemas/topics.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { gather } from './gather.ts'
import { Poison } from './store.ts'
import type { OpenStore, StoreDefinition } from './store.ts'

/**
 * Folds the log into one open store: a loop a partition, each from the store's own checkpoint.
 *
 * Promises: `runs.v1` is folded no further than the referee has judged (R1). What can never be folded is parked before
 * the fold goes on (`poison.parked`, R4); a fault that may pass stalls the store, which says so and tries again. A
 * checkpoint of another history stops the store by name and never skips (`log.same`, R5).
 */
export interface FoldPorts {
  readonly log: EventLog
  readonly codec: Codec
  readonly feed: RunFeed
  readonly clock: Clock
  readonly report: Report
  /** Sets a record aside; resolves when that is on the log. A rebuild refuses instead of parking (R4). */
  readonly park: Park
  /** Called after each commit, for waiters and meters. */
  readonly folded?: (checkpoint: StoredCheckpoint) => void
  /** Types met and not wanted, for `store.rebuild-required`. */
  readonly skipped?: (type: string) => void
}

export interface FoldOptions {
  readonly follow: boolean
  readonly signal: AbortSignal
  /** Fold to exactly these offsets (exclusive), by `topic:partition`; to the end where not named. */
  readonly until?: ReadonlyMap<string, number>
}

const stalledRetryMs = 1000

/** Resolves at the end of the log (or at the abort, when following); rejects when the store must stop. */
export async function foldTopics(
  definition: StoreDefinition,
  store: OpenStore,
  ports: FoldPorts,
  options: FoldOptions,
): Promise<void> {
  const checkpoints = new Map((await store.checkpoints()).map((at) => [`${at.topic}:${at.partition}`, at]))
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  /** The first one: those after it only stopped because of it. */
  let broken: { readonly why: unknown } | undefined
  const loops = definition.topics.flatMap((topic) =>
    Array.from({ length: ports.log.partitions(topic) }, async (_, partition) => {
      const from = checkpoints.get(`${topic}:${partition}`) ?? { topic, partition, next: 0, lastId: '' }
      await foldPartition(definition, store, ports, { ...options, signal, topic, from }).catch((error: unknown) => {
        broken ??= { why: error }
        failed.abort()
      })
    }),
  )
  await Promise.all(loops)
  if (broken !== undefined && !options.signal.aborted) throw broken.why
}

async function foldPartition(
  definition: StoreDefinition,
  store: OpenStore,
  ports: FoldPorts,
  options: FoldOptions & { readonly topic: Topic; readonly from: StoredCheckpoint },
): Promise<void> {
  const { topic, from, signal } = options
  const { partition } = from
  const until = options.until?.get(`${topic}:${partition}`) ?? Infinity
  if (from.next >= until) return
  const read = ports.log.read(
    { topic, partition, offset: from.next },
    { follow: options.follow, signal, batchSize: 1000, ...(from.lastId === '' ? {} : { after: from.lastId }) },
  )
  for await (const batch of gather(read, definition.gather, { clock: ports.clock, signal })) {
    const records = until === Infinity ? batch : batch.filter((record) => record.offset < until)
    const last = records.at(-1)
    if (last === undefined) return
    if (topic === 'runs.v1') await ports.feed.reached({ topic, partition, offset: last.offset }, signal)
    const checkpoint = { topic, partition, next: last.offset + 1, lastId: last.headers['ce_id'] ?? '' }
    const folding = { definition, store, ports, signal, follow: options.follow }
    if (!(await foldBatch(folding, records, checkpoint))) return
    ports.folded?.(checkpoint)
    if (checkpoint.next >= until) return
  }
}

interface Folding {
  readonly definition: StoreDefinition
  readonly store: OpenStore
  readonly ports: FoldPorts
  readonly signal: AbortSignal
  readonly follow: boolean
}

/** Whether the batch is folded: false where the signal came first. */
async function foldBatch(
  folding: Folding,
  records: readonly StoredRecord[],
  checkpoint: StoredCheckpoint,
): Promise<boolean> {
  const { definition, store, ports, signal } = folding
  const parked = new Set<number>()
  let poison: BadRecord | undefined
  let stalled = false

  async function setAside(event: BadRecord, code: string): Promise<void> {
    await ports.park(event, { by: definition.name, version: definition.version, code })
    parked.add(event.position.offset)
  }

  while (!signal.aborted) {
    try {
      for (const { headers } of records) noteSkipped(definition, ports, headers['ce_type'])
      if (poison !== undefined) await setAside(poison, 'event.unfoldable')
      poison = undefined
      const good: Decoded[] = []
      for (const event of await decode(folding, records, checkpoint)) {
        if (parked.has(event.position.offset)) continue
        if ('bad' in event) await setAside(event, 'event.undecodable')
        else good.push(event)
      }
      await store.fold(good, checkpoint)
      if (stalled) ports.report({ signal: 'store.resumed', store: definition.name })
      return true
    } catch (error) {
      if (error instanceof Poison) {
        poison = asBad(records, checkpoint, error)
        continue
      }
      if (!mayPass(error, folding)) throw error
      stalled = true
      ports.report({ signal: 'store.stalled', store: definition.name, code: error.code, message: error.message })
      await ports.clock.sleep(stalledRetryMs, signal)
    }
  }
  return false
}

function decode(
  { definition, ports }: Folding,
  records: readonly StoredRecord[],
  at: StoredCheckpoint,
): Promise<Decoded[]> {
  const topic = at.topic as Topic
  return decodeRecords(ports.codec, records, {
    topic,
    partition: at.partition,
    wants: (type) => definition.wants(type),
    strangers: definition.strangers,
    ...(topic === 'runs.v1' ? { accepted: (offset) => !ports.feed.isRejected(at.partition, offset) } : {}),
  })
}

function asBad(records: readonly StoredRecord[], at: StoredCheckpoint, poison: Poison): BadRecord {
  const record = records.find((one) => one.offset === poison.offset)
  if (record === undefined) throw poison
  const position = { topic: at.topic, partition: at.partition, offset: poison.offset }
  return { bad: poison.message, type: record.headers['ce_type'], position, record }
}

function noteSkipped(definition: StoreDefinition, ports: FoldPorts, type: string | undefined): void {
  if (ports.skipped === undefined || type === undefined) return
  if (!isEventType(type) || !definition.wants(type)) ports.skipped(type)
}

const passing: ReadonlySet<string> = new Set([
  'store.stalled',
  'log.unavailable',
  'log.full',
  'schema.unavailable',
  'append.outcome-unknown',
])

/** A missing object may still be on its way while the log grows; a build from the log fails on it (R14). */
function mayPass(error: unknown, { follow }: Folding): error is Failure {
  return error instanceof Failure && (passing.has(error.code) || (follow && error.code === 'object.missing'))
}
