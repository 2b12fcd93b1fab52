/**
 * One blocking connection that tells all followers of this process when their streams have grown.
 *
 * Promise: a waiter is woken by a record at its offset, by the connection coming back, and otherwise every `roundMs`;
 * it then looks for itself, so the bell may ring too often but never too seldom. Nothing is asked while nobody waits.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisConnection, connectRedis } from './redis-connection.ts'
import { isReply } from './redis-failure.ts'
import { type Entry, entriesByStream, offsetOf, streamId } from './stream-record.ts'

export interface Doorbell {
  /** Resolves when it is worth looking for the record at `next` in the stream, or the signal aborts. */
  wait(stream: string, next: number, signal: AbortSignal): Promise<void>
  close(): void
}

interface Waiter {
  readonly stream: string
  readonly next: number
  readonly ring: () => void
}

/** Without the right to unblock our own connection, a new waiter is heard after this long, ms. */
const SHORT_BLOCK_MS = 100
/** Those just woken are given this long to come back, so that the next round asks for all at once, ms. */
const GATHER_MS = 1

export function createDoorbell(options: {
  readonly url: string
  /** The log's own connection, for unblocking the other. */
  readonly redis: RedisConnection
  readonly roundMs?: number
}): Doorbell {
  const { url, redis, roundMs = 5_000 } = options
  const waiters = new Set<Waiter>()
  let bell: RedisConnection | undefined
  let watching = false
  let closed = false
  /** The question the connection is blocked on: stream → lowest offset waited for. */
  let asked: ReadonlyMap<string, number> | undefined
  let rousing = false
  let clientId: { readonly id: number | undefined; readonly epoch: number } | undefined

  function wait(stream: string, next: number, signal: AbortSignal): Promise<void> {
    if (closed || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      function ring(): void {
        waiters.delete(waiter)
        signal.removeEventListener('abort', ring)
        resolve()
      }
      const waiter: Waiter = { stream, next, ring }
      waiters.add(waiter)
      signal.addEventListener('abort', ring)
      if (!watching) void watch()
      else if (asked !== undefined && !covers(asked, waiter)) void rouse()
    })
  }

  async function watch(): Promise<void> {
    watching = true
    bell ??= connectRedis(url, { silenceMs: roundMs + 10_000 })
    let epoch = bell.epoch
    let lastRound = performance.now()
    while (waiters.size > 0 && !closed) {
      if (!(await bell.ready(roundMs))) {
        ringAll() // whoever waits finds out for itself what is wrong
        continue
      }
      const leftMs = lastRound + roundMs - performance.now()
      if (bell.epoch !== epoch || leftMs <= 0) {
        epoch = bell.epoch
        lastRound = performance.now()
        ringAll()
      } else {
        await listen(bell, leftMs)
      }
      await sleep(GATHER_MS)
    }
    watching = false
  }

  /** One blocking question. */
  async function listen(bell: RedisConnection, leftMs: number): Promise<void> {
    try {
      const canRouse = (await ownId(bell)) !== undefined
      const blockMs = Math.ceil(canRouse ? leftMs : Math.min(leftMs, SHORT_BLOCK_MS))
      const question = lowestOf(waiters)
      if (question.size === 0) return
      asked = question
      const ids = [...question.values()].map((next) => streamId(next - 1))
      const reply = await bell.send('xread', 'COUNT', 1, 'BLOCK', blockMs, 'STREAMS', ...question.keys(), ...ids)
      for (const [stream, entries] of entriesByStream(reply)) ringFor(stream, entries)
    } catch (error) {
      if (isReply(error)) {
        ringAll()
        await sleep(SHORT_BLOCK_MS)
      }
    } finally {
      asked = undefined
    }
  }

  /** The id under which our blocking connection can be unblocked; undefined where that is not permitted. */
  async function ownId(bell: RedisConnection): Promise<number | undefined> {
    if (clientId?.epoch === bell.epoch) return clientId.id
    const epoch = bell.epoch
    try {
      const id = Number(await bell.send('client', 'ID'))
      await redis.send('client', 'UNBLOCK', id)
      clientId = { id, epoch }
    } catch (error) {
      if (isReply(error)) clientId = { id: undefined, epoch }
      return undefined
    }
    return clientId.id
  }

  /** Ends the question under way, so that the next one includes whoever came meanwhile. */
  async function rouse(): Promise<void> {
    const id = clientId?.id
    if (rousing || id === undefined) return
    rousing = true
    try {
      // The question may still be on its way: nobody is blocked then, and the answer is 0.
      while (!closed && leavesOut(asked)) {
        await redis.send('client', 'UNBLOCK', id)
        await sleep(1)
      }
    } catch {
      // Its connection is down: everybody is rung when the bell's comes back, or at the end of the round.
    } finally {
      rousing = false
    }
  }

  function leavesOut(question: ReadonlyMap<string, number> | undefined): boolean {
    return question !== undefined && [...waiters].some((waiter) => !covers(question, waiter))
  }

  function ringFor(stream: string, entries: readonly Entry[]): void {
    const [last] = entries.at(-1) ?? []
    const end = last === undefined ? Infinity : (offsetOf(last) ?? Infinity)
    for (const waiter of waiters) if (waiter.stream === stream && waiter.next <= end) waiter.ring()
  }

  function ringAll(): void {
    for (const waiter of waiters) waiter.ring()
  }

  return {
    wait,
    close() {
      closed = true
      ringAll()
      bell?.close()
    },
  }
}

function covers(asked: ReadonlyMap<string, number>, waiter: Waiter): boolean {
  const next = asked.get(waiter.stream)
  return next !== undefined && next <= waiter.next
}

function lowestOf(waiters: Iterable<Waiter>): Map<string, number> {
  const lowest = new Map<string, number>()
  for (const { stream, next } of waiters) lowest.set(stream, Math.min(next, lowest.get(stream) ?? next))
  return lowest
}
