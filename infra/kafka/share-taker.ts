/**
 * One worker's part of a topic: the partitions its group gives it, read, handed out one record at a time, finished singly.
 *
 * Promises (R10): never more than `window` records unfinished. What is finished is committed within a moment, in any
 * order, also beyond records still under way. A partition that must go to another worker is first worked off: nothing
 * new is handed out from it, and it is given up when its records are finished, or after a lease. A worker that was
 * silent too long has lost its partitions: what it finishes then counts for nothing.
 */
import type { Delivery, TakeOptions } from '#processors/ports/work-share.ts'
import type { StoredRecord } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { Topic } from '#schemas/topics.ts'
import type { KafkaCluster } from './cluster.ts'
import { type FinishedOffsets, readCommitted, startAt } from './finished-offsets.ts'
import { GroupMember } from './group-member.ts'
import type { TopicOfLog } from './history.ts'
import { Patience } from './patience.ts'
import type { Reader } from './reader.ts'
import { Waiters } from './waiters.ts'

export interface ShareTakerOptions extends TakeOptions {
  readonly leaseMs: number
  readonly groupId: string
  readonly topic: Topic
  /** What Kafka calls it. */
  readonly of: TopicOfLog
}

interface Ports {
  readonly cluster: KafkaCluster
  readonly reader: Reader
}

/** Finished records are committed together, at most this late. */
const COMMIT_AFTER_MS = 100
const BATCH = 100

interface Share {
  readonly partition: number
  readonly stop: AbortController
  /** Undefined until the group's committed offset is known. */
  finished: FinishedOffsets | undefined
  /** Before this, somebody may have been handed a record already. */
  redeliveredBefore: number
  underWay: number
  changed: boolean
  leaving: boolean
  /** No longer ours: what is still finished counts for nothing. */
  lost: boolean
}

interface Queued {
  readonly share: Share
  readonly record: StoredRecord
}

export class ShareTaker {
  readonly #ports: Ports
  readonly #options: ShareTakerOptions
  readonly #member: GroupMember
  readonly #shares = new Map<number, Share>()
  /** Something came, or is over. */
  readonly #arrived = new Waiters()
  /** A record was finished, or its partition lost. */
  readonly #finished = new Waiters()
  readonly #ending = new AbortController()
  #queue: Queued[] = []
  #room: number
  #failure: Error | undefined
  #commitTimer: NodeJS.Timeout | undefined
  #committing: Promise<unknown> = Promise.resolve()
  #ended: Promise<void> | undefined

  constructor(ports: Ports, options: ShareTakerOptions) {
    this.#ports = ports
    this.#options = options
    this.#room = options.window
    const { groupId, leaseMs, of } = options
    this.#member = new GroupMember(ports.cluster, {
      groupId,
      topic: of.name,
      partitions: of.partitions,
      leaseMs,
      signal: this.#ending.signal,
      held: () => [...this.#shares.values()].map(({ partition, underWay }) => ({ partition, underWay })),
      given: (partitions) => this.#given(partitions),
      lost: () => this.#lost(),
    })
  }

  async *take(): AsyncGenerator<Delivery, void, undefined> {
    const { signal } = this.#options
    const end = () => void this.end()
    if (signal.aborted) return
    signal.addEventListener('abort', end, { once: true })
    this.#member.run().catch((error: unknown) => this.#fail(error))
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure
        if (this.#ended !== undefined) return
        const queued = this.#queue.shift()
        if (queued !== undefined) yield this.#deliver(queued)
        else await this.#arrived.wait()
      }
    } finally {
      signal.removeEventListener('abort', end)
      await this.end()
    }
  }

  /** Commits what is finished and leaves the group. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    this.#ending.abort()
    for (const share of this.#shares.values()) share.stop.abort()
    this.#queue = []
    this.#arrived.wake()
    this.#finished.wake()
    clearTimeout(this.#commitTimer)
    await this.#committing
    await this.#commit()
    this.#lost()
    await this.#member.leave()
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
    this.#arrived.wake()
  }

  #given(partitions: readonly number[]): void {
    for (const share of this.#shares.values()) {
      if (partitions.includes(share.partition)) continue
      if (!share.leaving) void this.#giveUp(share)
    }
    for (const partition of partitions) {
      // One that is being worked off is held, so nobody is given it; it is ours again when that is over.
      if (this.#shares.has(partition)) continue
      const share: Share = {
        partition,
        stop: new AbortController(),
        finished: undefined,
        redeliveredBefore: 0,
        underWay: 0,
        changed: false,
        leaving: false,
        lost: false,
      }
      this.#shares.set(partition, share)
      this.#read(share).catch((error: unknown) => this.#fail(error))
    }
  }

  #lost(): void {
    for (const share of this.#shares.values()) {
      share.lost = true
      share.stop.abort()
      this.#unqueue(share)
    }
    this.#shares.clear()
    this.#finished.wake()
  }

  async #giveUp(share: Share): Promise<void> {
    share.leaving = true
    share.stop.abort()
    this.#unqueue(share)
    const lease = AbortSignal.timeout(this.#options.leaseMs)
    while (share.underWay > 0 && !share.lost && !lease.aborted) await this.#finished.wait(lease)
    const retry = new Patience(Infinity, this.#ending.signal)
    while (!share.lost && !(await this.#commitNow())) await retry.wait('a commit was refused')
    if (share.lost) return
    share.lost = true
    this.#shares.delete(share.partition)
    this.#member.rejoin()
  }

  async #read(share: Share): Promise<void> {
    const finished = await this.#startOf(share)
    if (finished === undefined) return
    const { of, wants } = this.#options
    const { signal } = share.stop
    share.redeliveredBefore = finished.delivered
    share.finished = finished
    const from = { topic: of, partition: share.partition, offset: finished.prefix }
    for await (const batch of this.#ports.reader.read(from, { follow: true, batchSize: BATCH, signal })) {
      for (const record of batch) {
        if (signal.aborted) return
        if (finished.isFinished(record.offset)) continue
        if (wants !== undefined && !wants(record.headers)) {
          finished.finish(record.offset)
          this.#changed(share)
          continue
        }
        if (!(await this.#takeRoom(signal))) return
        share.underWay += 1
        this.#queue.push({ share, record })
        this.#arrived.wake()
      }
    }
    // The log was closed under us.
    if (!signal.aborted) await this.end()
  }

  /** Where the group is in this partition; undefined when it went before that was known. */
  async #startOf(share: Share): Promise<FinishedOffsets | undefined> {
    const { of } = this.#options
    const { partition } = share
    const { signal } = share.stop
    const patience = new Patience(Infinity, signal)
    while (!signal.aborted) {
      try {
        const committed = (await this.#member.committed([partition])).get(partition)
        const [bounds] = await this.#ports.reader.bounds(of, { partitions: [partition], patience })
        if (signal.aborted) return undefined
        return committed === undefined || committed.offset < 0 ? startAt(bounds?.first ?? 0) : readCommitted(committed)
      } catch (error) {
        if (isFailure(error)) throw error
        await patience.wait(error)
      }
    }
    return undefined
  }

  #deliver({ share, record }: Queued): Delivery {
    share.finished?.deliver(record.offset)
    this.#changed(share)
    let isDone = false
    const letGo = (): boolean => {
      if (isDone) return false
      isDone = true
      share.underWay -= 1
      this.#room += 1
      this.#finished.wake()
      return true
    }
    return {
      record,
      position: { topic: this.#options.topic, partition: share.partition, offset: record.offset },
      redelivered: record.offset < share.redeliveredBefore,
      done: async () => {
        if (!letGo() || share.lost) return
        share.finished?.finish(record.offset)
        this.#changed(share)
      },
      // Not finished, so whoever has the partition next is handed it.
      release: async () => void letGo(),
    }
  }

  async #takeRoom(signal: AbortSignal): Promise<boolean> {
    while (this.#room === 0 && !signal.aborted) await this.#finished.wait(signal)
    if (signal.aborted) return false
    this.#room -= 1
    return true
  }

  #unqueue(share: Share): void {
    const kept = this.#queue.filter((queued) => queued.share !== share)
    const gone = this.#queue.length - kept.length
    this.#queue = kept
    share.underWay -= gone
    this.#room += gone
    this.#finished.wake()
  }

  #changed(share: Share): void {
    share.changed = true
    this.#commitTimer ??= setTimeout(() => {
      this.#commitTimer = undefined
      void this.#commitNow()
    }, COMMIT_AFTER_MS)
  }

  /** Commits follow one another, so that an older state never overwrites a newer one. */
  #commitNow(): Promise<boolean> {
    const next = this.#committing.then(async () => await this.#commit())
    this.#committing = next
    return next
  }

  async #commit(): Promise<boolean> {
    const shares = [...this.#shares.values()].filter(({ changed, finished }) => changed && finished !== undefined)
    for (const share of shares) share.changed = false
    const states = new Map(shares.map((share) => [share.partition, (share.finished as FinishedOffsets).commit()]))
    const taken = await this.#member.commit(states)
    if (!taken) for (const share of shares) if (!share.lost) this.#changed(share)
    return taken
  }
}
