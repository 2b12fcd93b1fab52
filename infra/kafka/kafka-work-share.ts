/**
 * The records of a topic shared out among workers, by a Kafka consumer group.
 *
 * Promises beside the port's: a worker that only works long keeps its records, for its heartbeats do not wait for them.
 * Kafka forgets what a group has finished when nobody was in it for `offsets.retention.minutes` (7 days by default); its
 * workers then get every record once more.
 */
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { Delivery, TakeOptions, WorkShare } from '#processors/ports/work-share.ts'
import type { Topic } from '#schemas/topics.ts'
import { readCommitted, startAt } from './finished-offsets.ts'
import { fetchCommitted, findCoordinator } from './group-member.ts'
import type { TopicOfLog } from './history.ts'
import { type Inside, type KafkaEventLogOptions, insideOf, openKafkaEventLog } from './kafka-event-log.ts'
import { Patience, closed } from './patience.ts'
import { ShareTaker } from './share-taker.ts'

export interface KafkaWorkShareOptions extends KafkaEventLogOptions {
  /** A log of this backend whose connections are used; it stays open. Without it the share opens one of its own. */
  readonly log?: EventLog
}

const LEASE_MS = 30_000
const BACKLOG_PATIENCE_MS = 30_000

export async function openKafkaWorkShare(options: KafkaWorkShareOptions): Promise<WorkShare> {
  const log = options.log ?? (await openKafkaEventLog(options))
  const inside = insideOf(log)
  if (inside === undefined) throw new Failure('internal', `a ${log.backend} log cannot be shared out by Kafka`)
  return new KafkaWorkShare(inside, options.log === undefined ? log : undefined)
}

class KafkaWorkShare implements WorkShare {
  readonly #inside: Inside
  /** Opened for this share alone. */
  readonly #ownLog: EventLog | undefined
  readonly #takers = new Set<ShareTaker>()
  #closed = false

  constructor(inside: Inside, ownLog: EventLog | undefined) {
    this.#inside = inside
    this.#ownLog = ownLog
  }

  async *take(topic: Topic, group: string, options: TakeOptions): AsyncGenerator<Delivery, void, undefined> {
    if (this.#closed) throw closed()
    const { leaseMs = LEASE_MS } = options
    const of = this.#topic(topic)
    const taker = new ShareTaker(this.#inside, { ...options, leaseMs, groupId: this.#groupId(topic, group), topic, of })
    this.#takers.add(taker)
    try {
      yield* taker.take()
    } finally {
      this.#takers.delete(taker)
    }
  }

  async backlog(topic: Topic, group: string): Promise<{ waiting: number; taken: number }> {
    const { cluster, reader } = this.#inside
    const of = this.#topic(topic)
    const groupId = this.#groupId(topic, group)
    const partitions = Array.from({ length: of.partitions }, (_, partition) => partition)
    const patience = new Patience(BACKLOG_PATIENCE_MS)
    for (;;) {
      if (this.#closed) throw closed()
      try {
        const coordinator = await cluster.link(await findCoordinator(cluster, groupId), 'read')
        const committed = await fetchCommitted(coordinator, { groupId, topic: of.name, partitions })
        const sum = { waiting: 0, taken: 0 }
        for (const { partition, first, next } of await reader.bounds(of, { partitions, patience })) {
          const state = committed.get(partition)
          const finished = state === undefined || state.offset < 0 ? startAt(first) : readCommitted(state)
          sum.waiting += Math.max(0, next - finished.delivered)
          sum.taken += finished.taken
        }
        return sum
      } catch (error) {
        if (isFailure(error)) throw error
        await patience.wait(error)
        await cluster.refresh().catch(() => {})
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#takers].map(async (taker) => await taker.end()))
    await this.#ownLog?.close()
  }

  /** One Kafka group a topic: those who take another topic have no part in its meetings. */
  #groupId(topic: Topic, group: string): string {
    return `${this.#inside.prefix}${group}.${topic}`
  }

  #topic(topic: Topic): TopicOfLog {
    const of = this.#inside.history.topics.get(this.#inside.prefix + topic)
    if (of === undefined) throw new Failure('position.invalid', `the log has no topic ${topic}`)
    return of
  }
}
