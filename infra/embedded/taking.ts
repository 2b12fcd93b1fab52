/**
 * One worker of a group: what it has read ahead, claimed, handed out and not finished.
 *
 * Promise: `plan` changes the file and nothing in memory, so that a transaction that fails has happened nowhere; what it
 * planned becomes true by `settle`.
 */
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { TakeOptions } from '#processors/ports/work-share.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import { ReadAhead } from './read-ahead.ts'
import type { Share, Taken, WorkFile } from './work-file.ts'

/** A record this worker holds. */
export interface Claim {
  readonly partition: number
  readonly record: StoredRecord
  readonly redelivered: boolean
}

/** What a transaction did for a worker. */
export interface Plan {
  readonly fresh: readonly {
    readonly ahead: ReadAhead
    readonly records: readonly StoredRecord[]
    readonly next: number
  }[]
  readonly takenOver: readonly Taken[]
  readonly heardMs: number | undefined
}

export interface TakingOptions extends TakeOptions {
  readonly leaseMs: number
  readonly worker: number
  readonly heardMs: number
  /** Something changed: a transaction may be worth it. */
  readonly changed: () => void
  /** A record taken over is no longer in the log. */
  readonly lost: (partition: number, offset: number) => void
}

export class Taking {
  readonly topic: Topic
  readonly group: string
  readonly worker: number
  readonly leaseMs: number
  /** Claimed, and not handed out yet. */
  readonly ready: Claim[] = []
  /** Seen to be nobody's, oldest first. */
  orphans: readonly Taken[] = []
  /** Claimed and not finished, handed out or not. */
  unfinished = 0
  ended = false
  failure: { readonly error: unknown } | undefined
  readonly #log: EventLog
  readonly #options: TakingOptions
  readonly #aheads: ReadAhead[] = []
  readonly #stop = new AbortController()
  /** Where the file says the group goes on, a partition each. */
  readonly #written = new Map<number, number>()
  /** Let go of unfinished: until when they are left to others. */
  readonly #passedOver = new Map<string, number>()
  #heardMs: number
  #wake: (() => void) | undefined

  constructor(log: EventLog, at: { topic: Topic; group: string }, options: TakingOptions) {
    this.#log = log
    this.topic = at.topic
    this.group = at.group
    this.#options = options
    this.worker = options.worker
    this.leaseMs = options.leaseMs
    this.#heardMs = options.heardMs
    options.signal.addEventListener('abort', this.stop)
    if (options.signal.aborted) this.stop()
  }

  /** Begins to read ahead where the group goes on. */
  start(next: readonly number[]): void {
    next.forEach((from, partition) => {
      const ahead = new ReadAhead(this.topic, partition)
      this.#aheads.push(ahead)
      this.#written.set(partition, from)
      void this.#follow(ahead, from)
    })
  }

  /** Ends the reading and wakes whoever waits. */
  readonly stop = (): void => {
    this.#stop.abort()
    this.#wake?.()
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted
  }

  get free(): number {
    return this.stopped ? 0 : this.#options.window - this.unfinished
  }

  /** Whether a transaction now would do anything for this worker. */
  isDue(nowMs: number): boolean {
    if (this.ended) return false
    return (this.free > 0 && this.#hasWork()) || this.#isHeartbeatDue(nowMs)
  }

  /** Whether the file is behind what was passed because nobody wants it. */
  isBehind(): boolean {
    return !this.ended && this.#aheads.some(({ partition, next }) => next > (this.#written.get(partition) ?? 0))
  }

  plan(file: WorkFile, nowMs: number): Plan {
    const takenOver = this.orphans.slice(0, this.free).filter((seen) => file.takeOver(this, seen, this.worker))
    let free = this.free - takenOver.length
    const fresh = this.#aheads.map((ahead) => {
      const share = this.#share(ahead.partition)
      const written = file.nextOf(share) ?? 0
      let next = Math.max(written, ahead.next)
      const records: StoredRecord[] = []
      for (const record of ahead.from(next)) {
        if (this.#isWanted(record)) {
          if (free === 0) break
          free -= 1
          records.push(record)
          file.take(share, record.offset, this.worker)
        }
        next = record.offset + 1
      }
      if (next > written) file.setNext(share, next, written)
      return { ahead, records, next }
    })
    const hasMore = takenOver.length > 0 || fresh.some(({ records }) => records.length > 0)
    const isHeard = this.#isHeartbeatDue(nowMs) || (hasMore && nowMs - this.#heardMs > this.leaseMs / 6)
    if (isHeard) file.heard(this.worker, nowMs)
    return { fresh, takenOver, heardMs: isHeard ? nowMs : undefined }
  }

  settle(plan: Plan): void {
    this.#heardMs = plan.heardMs ?? this.#heardMs
    this.orphans = []
    for (const { ahead, records, next } of plan.fresh) {
      this.unfinished += records.length
      for (const record of records) this.ready.push({ partition: ahead.partition, record, redelivered: false })
      this.#written.set(ahead.partition, next)
      ahead.passTo(next)
    }
    this.unfinished += plan.takenOver.length
    if (plan.takenOver.length > 0) void this.#fetch(plan.takenOver)
    if (this.ready.length > 0) this.#wake?.()
    // A partition's turn to come first goes round, so that a full one cannot starve the others.
    this.#aheads.push(...this.#aheads.splice(0, 1))
  }

  passOver(partition: number, offset: number, untilMs: number): void {
    this.#passedOver.set(`${partition}:${offset}`, untilMs)
  }

  isPassedOver(partition: number, offset: number, nowMs: number): boolean {
    const place = `${partition}:${offset}`
    const untilMs = this.#passedOver.get(place)
    if (untilMs === undefined || nowMs < untilMs) return untilMs !== undefined
    this.#passedOver.delete(place)
    return false
  }

  finished(): void {
    this.unfinished -= 1
    this.#options.changed()
  }

  fail(error: unknown): void {
    this.failure ??= { error }
    this.stop()
  }

  /** Returns when something was claimed, or the taking was stopped. */
  async somethingReady(): Promise<void> {
    if (this.ready.length > 0 || this.stopped) return
    await new Promise<void>((wake) => (this.#wake = wake))
    this.#wake = undefined
  }

  end(): void {
    this.stop()
    this.ended = true
    this.#options.signal.removeEventListener('abort', this.stop)
  }

  async #follow(ahead: ReadAhead, from: number): Promise<void> {
    const arrived = (): void => {
      let record = ahead.peek()
      while (record !== undefined && !this.#isWanted(record)) {
        ahead.passTo(record.offset + 1)
        record = ahead.peek()
      }
      if (record !== undefined) this.#options.changed()
    }
    try {
      await ahead.run(this.#log, from, { signal: this.#stop.signal, arrived })
    } catch (error) {
      if (!isFailure(error, 'log.trimmed')) return this.fail(error)
      const first = (await this.#log.bounds(this.topic))[ahead.partition]?.first ?? from
      return this.#follow(ahead, first)
    }
  }

  /** Records taken over are no longer ahead: read again, one by one. One that has been trimmed away is finished. */
  async #fetch(taken: readonly Taken[]): Promise<void> {
    try {
      for (const { partition, offset } of taken) {
        const record = await recordAt(this.#log, { topic: this.topic, partition, offset })
        if (record === undefined) this.#options.lost(partition, offset)
        else this.ready.push({ partition, record, redelivered: true })
        this.#wake?.()
      }
    } catch (error) {
      this.fail(error)
    }
  }

  #hasWork(): boolean {
    return this.orphans.length > 0 || this.#aheads.some((ahead) => ahead.peek() !== undefined)
  }

  #isHeartbeatDue(nowMs: number): boolean {
    return this.unfinished > 0 && nowMs - this.#heardMs > this.leaseMs / 3
  }

  #isWanted(record: StoredRecord): boolean {
    return this.#options.wants === undefined || this.#options.wants(record.headers)
  }

  #share(partition: number): Share {
    return { group: this.group, topic: this.topic, partition }
  }
}

async function recordAt(log: EventLog, at: Position): Promise<StoredRecord | undefined> {
  try {
    for await (const [record] of log.read(at, { batchSize: 1 })) return record
  } catch (error) {
    if (!isFailure(error, 'log.trimmed')) throw error
  }
  return undefined
}
