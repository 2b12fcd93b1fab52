/**
 * One long poll a broker for everybody who follows the end of a partition.
 *
 * Stores, projections and live views follow dozens of partitions at once; a poll for each would hold dozens of requests
 * open and fetch the same records again for each store. Here one request waits at the ends of all of them, and what it
 * brings is handed to every follower.
 *
 * Promises: a follower that waits at the end is woken by any record after it, however the wait and the poll interleave:
 * a poll that does not cover a waiting partition is cut and made again. What is handed out begins exactly at the offset
 * asked for. When the tail cannot tell (an error, a follower behind), it answers 'fetch', and the follower asks the log
 * itself. Nothing is polled when nobody follows.
 */
import type { StoredRecord } from '#processors/ports/event-log.ts'
import type { KafkaCluster } from './cluster.ts'
import { decodeBatches, endOfBatches } from './record-batch.ts'
import { type FetchPartition, type Fetched, type FetchedPartition, fetchRecords } from './record-requests.ts'
import type { TopicName } from './requests.ts'
import { Waiters } from './waiters.ts'

/** What the tail needs of a cluster: who leads, and a long poll to each broker that can be cut. */
export interface Polls {
  leaderOf(topic: string, partition: number): number | undefined
  open(node: number): Promise<Poll>
}

export interface Poll {
  send(asked: readonly FetchPartition[]): Promise<Fetched>
  cut(): void
}

export function pollsOf(cluster: KafkaCluster, maxWaitMs: number): Polls {
  return {
    leaderOf: (topic, partition) => cluster.leaderOf(topic, partition),
    async open(node) {
      const link = await cluster.link(node, 'tail')
      return {
        send: async (asked) => await link.send(fetchRecords(asked, { maxWaitMs, maxBytes: POLL_BYTES })),
        cut: () => link.destroy(),
      }
    },
  }
}

export interface Follower {
  /** Records from `offset` on once there are some, or 'fetch'. An aborted signal, and `close()`, answer 'fetch'. */
  from(offset: number, signal?: AbortSignal): Promise<readonly StoredRecord[] | 'fetch'>
  leave(): void
}

const POLL_BYTES = 4 * 1024 * 1024
const PARTITION_BYTES = 256 * 1024
/** Followers come to wait one by one; a poll is cut once for all of them. */
const CUT_AFTER_MS = 5

interface Chunk {
  readonly from: number
  readonly next: number
  readonly bytes: Buffer
  records: readonly StoredRecord[] | undefined
}

interface Followed {
  readonly topic: TopicName
  readonly partition: number
  followers: number
  readonly waiting: Waiters
  /** The end as far as the tail knows it, and the last records before it. */
  next: number | undefined
  chunks: Chunk[]
  /** Left out of polls until somebody waits again. */
  failed: boolean
}

interface Ring {
  readonly node: number
  covers: ReadonlyMap<Followed, number>
  /** While one is under way. */
  poll: Poll | undefined
  cut: boolean
}

export class Tail {
  readonly #polls: Polls
  readonly #followed = new Map<string, Followed>()
  readonly #rings = new Map<number, Ring>()
  #cutting: NodeJS.Timeout | undefined
  #closed = false

  constructor(polls: Polls) {
    this.#polls = polls
  }

  follow(topic: TopicName, partition: number): Follower {
    const key = `${topic.id}/${partition}`
    const followed = this.#followed.get(key) ?? {
      topic,
      partition,
      followers: 0,
      waiting: new Waiters(),
      next: undefined,
      chunks: [],
      failed: false,
    }
    this.#followed.set(key, followed)
    followed.followers += 1
    return {
      from: async (offset, signal) => await this.#from(followed, { offset, signal }),
      leave: () => {
        followed.followers -= 1
        if (followed.followers === 0) this.#followed.delete(key)
      },
    }
  }

  /** Everybody asks the log itself, now. */
  wakeAll(): void {
    for (const followed of this.#followed.values()) followed.waiting.wake()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#cutting)
    for (const ring of this.#rings.values()) ring.poll?.cut()
    this.wakeAll()
  }

  async #from(
    followed: Followed,
    at: { offset: number; signal: AbortSignal | undefined },
  ): Promise<readonly StoredRecord[] | 'fetch'> {
    const { offset, signal } = at
    if (followed.next === undefined || followed.next < offset) {
      followed.next = offset
      followed.chunks = []
      // This one fetched what the others still wait for; the poll will not bring it any more.
      followed.waiting.wake()
    }
    if (followed.next === offset) {
      await this.#wait(followed, signal)
      if (this.#closed || signal?.aborted) return 'fetch'
    }
    const chunk = followed.chunks.find(({ from, next }) => from <= offset && offset < next)
    if (chunk === undefined) return 'fetch'
    chunk.records ??= decodeBatches(chunk.bytes, chunk.from)
    return offset === chunk.from ? chunk.records : chunk.records.slice(offset - chunk.from)
  }

  async #wait(followed: Followed, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed || signal?.aborted) return
    const woken = followed.waiting.wait(signal)
    followed.failed = false
    this.#cover(followed)
    await woken
  }

  #cover(followed: Followed): void {
    const leader = this.#polls.leaderOf(followed.topic.name, followed.partition)
    if (leader === undefined) return followed.waiting.wake()
    const ring = this.#rings.get(leader)
    if (ring === undefined) this.#ring(leader)
    else if (ring.poll !== undefined && !isCovered(ring, followed))
      this.#cutting ??= setTimeout(() => this.#cutPolls(), CUT_AFTER_MS)
  }

  #cutPolls(): void {
    this.#cutting = undefined
    for (const followed of this.#followed.values()) {
      const leader = this.#polls.leaderOf(followed.topic.name, followed.partition)
      const ring = leader === undefined ? undefined : this.#rings.get(leader)
      if (followed.waiting.size === 0 || ring?.poll === undefined || isCovered(ring, followed)) continue
      ring.cut = true
      ring.poll.cut()
    }
  }

  #ring(node: number): void {
    const ring: Ring = { node, covers: new Map(), poll: undefined, cut: false }
    this.#rings.set(node, ring)
    setImmediate(() => void this.#poll(ring))
  }

  /** Never rejects: whatever fails, its followers are told to fetch, and hear the reason there. */
  async #poll(ring: Ring): Promise<void> {
    while (!this.#closed && this.#ledBy(ring.node).size > 0) {
      try {
        const poll = await this.#polls.open(ring.node)
        if (this.#closed) break
        ring.covers = this.#ledBy(ring.node)
        ring.poll = poll
        hear(ring, await poll.send(asked(ring)))
      } catch {
        if (!ring.cut) for (const followed of this.#ledBy(ring.node).keys()) fail(followed)
      }
      ring.poll = undefined
      ring.cut = false
    }
    this.#rings.delete(ring.node)
    // Somebody may have begun to wait after the last look.
    for (const followed of this.#followed.values()) if (followed.waiting.size > 0) this.#cover(followed)
  }

  #ledBy(node: number): Map<Followed, number> {
    const covers = new Map<Followed, number>()
    for (const followed of this.#followed.values()) {
      const { topic, partition, next, failed } = followed
      if (next === undefined || failed || this.#polls.leaderOf(topic.name, partition) !== node) continue
      covers.set(followed, next)
    }
    return covers
  }
}

function asked(ring: Ring): FetchPartition[] {
  return [...ring.covers].map(([{ topic, partition }, offset]) => ({
    topicId: topic.id,
    partition,
    offset,
    maxBytes: PARTITION_BYTES,
  }))
}

function isCovered(ring: Ring, followed: Followed): boolean {
  const offset = ring.covers.get(followed)
  return offset !== undefined && followed.next !== undefined && offset <= followed.next
}

function hear(ring: Ring, answer: Fetched): void {
  if (answer.errorCode !== 0) throw new Error(`fetch failed with code ${answer.errorCode}`)
  const answers = new Map(answer.partitions.map((one) => [`${one.topicId}/${one.partition}`, one]))
  for (const followed of ring.covers.keys()) {
    const found = answers.get(`${followed.topic.id}/${followed.partition}`)
    if (found === undefined) continue
    if (found.errorCode !== 0) fail(followed)
    else take(followed, found)
  }
}

function take(followed: Followed, found: FetchedPartition): void {
  const from = followed.next ?? 0
  const next = endOfBatches(found.records)
  if (next !== undefined && next > from) {
    followed.chunks.push({ from, next, bytes: found.records, records: undefined })
    let kept = 0
    followed.chunks = followed.chunks
      .reverse()
      .filter(({ bytes }, age) => (kept += bytes.length) <= PARTITION_BYTES || age === 0)
      .reverse()
    followed.next = next
    followed.waiting.wake()
  } else if (found.next > from) {
    // There is more than fitted into the answer.
    followed.chunks = []
    followed.next = found.next
    followed.waiting.wake()
  }
}

function fail(followed: Followed): void {
  followed.failed = true
  followed.waiting.wake()
}
