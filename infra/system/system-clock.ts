/**
 * Time, waiting and ids of this machine.
 *
 * Promise: ids are UUIDv7 (RFC 9562), each greater than the one before in this process, also within a millisecond and
 * when the wall clock steps back; a sleep leaves no timer and no listener behind once its signal aborts.
 */
import { randomFillSync } from 'node:crypto'
import type { Clock } from '#processors/ports/clock.ts'

/** Random bytes an id takes: four for the counter's start and the variant, six for the tail. */
const bytesOfId = 10
const longestTimerMs = 2 ** 31 - 1

export function createSystemClock(now: () => number = Date.now): Clock {
  return { now, monotonic: () => performance.now(), sleep, newId: idMaker(now) }
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  const until = performance.now() + ms
  for (let left = ms; left > 0 && signal?.aborted !== true; left = until - performance.now()) {
    await timer(Math.min(left, longestTimerMs), signal)
  }
}

async function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timeout)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timeout = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
}

/**
 * RFC 9562 6.2 method 1: 48 bits of milliseconds, a 12-bit counter that starts anew each millisecond in its lower half,
 * and 62 random bits. A counter that runs over borrows the next millisecond.
 */
function idMaker(now: () => number): () => string {
  const pool = Buffer.alloc(bytesOfId * 512)
  let used = pool.length
  let lastMs = 0
  let counter = 0

  return () => {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const high = pool.readUInt32LE(used)
    const tail = pool.toString('hex', used + 4, used + bytesOfId)
    used += bytesOfId

    const ms = Math.floor(now())
    if (ms > lastMs) {
      lastMs = ms
      counter = high & 0x7ff
    } else if (++counter > 0xfff) {
      lastMs += 1
      counter = 0
    }
    const time = hex(lastMs, 12)
    const variant = 0x8000 | ((high >>> 11) & 0x3fff)
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(counter, 3)}-${hex(variant, 4)}-${tail}`
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
