/**
 * The clock of one process: virtual time, a wall clock that may jump, and ids from the seed.
 *
 * Promise: `monotonic` never jumps and means nothing to another process.
 */
import type { Clock } from '#processors/ports/clock.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

const began = Date.UTC(2026, 10, 21)

export function simulatedClock(given: {
  scheduler: Scheduler
  random: Random
  life: Life
  /** How far this machine's wall clock is off now, ms. */
  wallOffMs: () => number
}): Clock {
  const { scheduler, random, life } = given
  const base = random.between(0, 10 ** 9)
  let ids = 0
  return {
    now: () => began + Math.floor(scheduler.now) + given.wallOffMs(),
    monotonic: () => base + scheduler.now,
    sleep(ms, signal) {
      if (signal?.aborted === true) return Promise.resolve()
      return new Promise((resolve) => {
        const abort = (): void => {
          timer.cancel()
          resolve()
        }
        const timer = scheduler.after(ms, life, () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        })
        signal?.addEventListener('abort', abort, { once: true })
      })
    },
    newId: () => `${life.name}-${(ids += 1)}`,
  }
}
