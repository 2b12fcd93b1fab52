/**
 * One worker taking records of a topic: what it holds, renews, finishes, and takes over from the dead.
 *
 * Promises (R10): a record is held for as long as its worker lives and renews it, three times a lease; one not renewed
 * for a lease is claimed by whoever has room. What is unfinished when the taking ends is let go at once. A lost answer
 * that had records in it is made up for when the server answers again.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#processors/ports/failure.ts'
import type { Delivery, TakeOptions } from '#processors/ports/work-share.ts'
import type { Topic } from '#schemas/topics.ts'
import type { Doorbell } from './doorbell.ts'
import { type GroupPartition, createGroupPartition } from './group-partition.ts'
import type { RedisHistory } from './redis-history.ts'
import { type Entry, StreamRecord, offsetOf } from './stream-record.ts'

export interface ShareTaker {
  deliveries(): AsyncGenerator<Delivery>
  /** Writes what is finished and lets go of the rest. Idempotent. */
  end(): Promise<void>
}

/** Records in this worker's hands. Those being finished no longer count, but are not taken again either. */
interface Hand {
  /** For taking: patient, until the taking is over. */
  readonly from: GroupPartition
  /** For finishing, also after that. */
  readonly back: GroupPartition
  readonly held: Map<number, 'open' | 'lost' | 'finishing'>
  readonly finishing: { readonly offset: number; readonly settle: (failure?: Failure) => void }[]
  /** The connection by which it was last told all it holds; on a later one, an answer may have been lost before. */
  epoch: number
}

/** Workers silent for this long that hold nothing are forgotten, ms. */
const FORGET_MS = 24 * 3600 * 1000
/** For what is just being finished at the end, ms. */
const END_PATIENCE_MS = 2_000

export function createShareTaker(
  history: RedisHistory,
  topic: Topic,
  options: TakeOptions & { readonly group: string; readonly doorbell: Doorbell; readonly closed: AbortSignal },
): ShareTaker {
  const { group, window, wants, doorbell, leaseMs = 30_000 } = options
  const signal = AbortSignal.any([options.signal, options.closed])
  const consumer = `worker-${randomBytes(9).toString('base64url')}`
  const hands = Array.from({ length: history.partitions(topic) }, (_, n): Hand => {
    const partition = history.partition(topic, n)
    const from = createGroupPartition(history, partition, { group, consumer, patienceMs: Infinity, signal })
    const back = createGroupPartition(history, partition, { group, consumer, patienceMs: history.patienceMs })
    return { from, back, held: new Map(), finishing: [], epoch: history.redis.epoch }
  })
  const ready: Delivery[] = []
  let open = 0
  let turn = 0
  let claimAt = 0
  let changed = () => {}
  let ended: Promise<void> | undefined

  async function* deliveries(): AsyncGenerator<Delivery> {
    let renewing: NodeJS.Timeout | undefined
    try {
      for (const { from } of hands) await from.create()
      for (const { from } of hands) await from.retireSilent(FORGET_MS)
      renewing = setInterval(() => void renewAll(), leaseMs / 3)
      while (!signal.aborted) {
        const given = open - ready.length
        const delivery = given < window ? ready.shift() : undefined
        if (delivery !== undefined) yield delivery
        else if (open >= window) await change(Infinity)
        else await fill()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      clearInterval(renewing)
      await end()
    }
  }

  /** Takes what there is room for; where there is nothing, waits until there may be. */
  async function fill(): Promise<void> {
    turn += 1
    const turned = [...hands.slice(turn % hands.length), ...hands.slice(0, turn % hands.length)]
    const claiming = performance.now() >= claimAt
    if (claiming) claimAt = performance.now() + leaseMs / 3
    let took = 0
    for (const hand of turned) {
      const room = () => window - open
      if (isStale(hand)) took += await takeUnheard(hand)
      if (claiming && room() > 0) took += take(hand, await hand.from.claim(leaseMs, room()), true)
      if (room() > 0) took += await takeFresh(hand, room())
    }
    if (took === 0 && !hands.some(isStale)) await listen()
  }

  async function takeFresh(hand: Hand, room: number): Promise<number> {
    try {
      return take(hand, await hand.from.fresh(room), false)
    } catch (error) {
      if (error instanceof Failure) throw error
      await history.redis.ready(Infinity, signal)
      await sleep(20, undefined, { signal })
      return 0
    }
  }

  function isStale(hand: Hand): boolean {
    return hand.epoch !== history.redis.epoch
  }

  /** What a lost answer gave us. It may be more than there is room for: the rest waits in `ready`. */
  async function takeUnheard(hand: Hand): Promise<number> {
    const { epoch } = history.redis
    const entries = await hand.from.own(hand.held.size + window)
    hand.epoch = epoch
    return take(hand, entries, true)
  }

  /** Answers how many entries there were, wanted or not. */
  function take(hand: Hand, entries: readonly Entry[], redelivered: boolean): number {
    for (const [id, fields] of entries) {
      const offset = offsetOf(id) ?? -1
      if (hand.held.has(offset) && hand.held.get(offset) !== 'lost') continue
      const record = new StreamRecord(offset, fields)
      const isWanted = fields !== null && (wants?.(record.headers) ?? true)
      if (isWanted) ready.push(delivered(hand, record, redelivered))
      else finish(hand, offset).catch(() => {}) // comes again, and is not wanted again
    }
    return entries.length
  }

  function delivered(hand: Hand, record: StreamRecord, redelivered: boolean): Delivery {
    const { offset } = record
    if (!hand.held.has(offset)) open += 1
    hand.held.set(offset, 'open')
    let done: Promise<void> | undefined
    const position = { topic, partition: hand.from.partition.partition, offset }
    const release = async (): Promise<void> => {
      if (done === undefined) letGoOf(hand, offset)
      done ??= Promise.resolve()
    }
    return { record, position, redelivered, done: () => (done ??= finish(hand, offset)), release }
  }

  /** No longer renewed, it is anybody's after a lease. */
  function letGoOf(hand: Hand, offset: number): void {
    open -= 1
    hand.held.delete(offset)
    changed()
  }

  function finish(hand: Hand, offset: number): Promise<void> {
    const state = hand.held.get(offset)
    if (state === 'open' || state === 'lost') open -= 1
    hand.held.set(offset, 'finishing')
    changed()
    return new Promise((resolve, reject) => {
      const settle = (failure?: Failure) => {
        hand.held.delete(offset)
        if (failure === undefined) resolve()
        else reject(failure)
      }
      hand.finishing.push({ offset, settle })
      // All that finish in this turn of the loop go in one command.
      if (hand.finishing.length === 1) setImmediate(() => void flush(hand))
    })
  }

  async function flush(hand: Hand): Promise<void> {
    const batch = hand.finishing.splice(0)
    if (batch.length === 0) return
    try {
      await hand.back.finish(batch.map(({ offset }) => offset))
      for (const { settle } of batch) settle()
    } catch (error) {
      for (const { settle } of batch) settle(error as Failure)
    }
  }

  async function renewAll(): Promise<void> {
    for (const hand of hands) {
      const mine = [...hand.held].filter(([, state]) => state === 'open').map(([offset]) => offset)
      if (mine.length === 0) continue
      const lost = await hand.from.renew(mine).catch(() => [])
      for (const offset of lost) if (hand.held.get(offset) === 'open') hand.held.set(offset, 'lost')
    }
  }

  /** Until a partition grows, it is time to claim, or something here changes. */
  async function listen(): Promise<void> {
    const nexts = await Promise.all(hands.map(async ({ from }) => await from.next()))
    const heard = new AbortController()
    const rings = hands.map(async ({ from }, i) => {
      await doorbell.wait(from.partition.stream, nexts[i] ?? 0, heard.signal)
    })
    await Promise.race([...rings, change(claimAt - performance.now())])
    heard.abort()
    changed()
  }

  /** Until a delivery is finished, the taking is over, or the time is up. */
  function change(forMs: number): Promise<void> {
    if (forMs <= 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = forMs < Infinity ? setTimeout(go, forMs) : undefined
      function go(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', go)
        changed = () => {}
        resolve()
      }
      signal.addEventListener('abort', go)
      changed = go
    })
  }

  function end(): Promise<void> {
    return (ended ??= letGo())
  }

  async function letGo(): Promise<void> {
    for (const hand of hands) {
      await Promise.race([flush(hand), sleep(END_PATIENCE_MS, undefined, { ref: false })])
      await hand.back.release().catch(() => {}) // others claim them after the lease
    }
  }

  return { deliveries, end }
}
