import type { Clock } from '#processors/ports/clock.ts'
import type { Position } from '#schemas/position.ts'

/**
 * How far a store has folded, and who waits for it to get somewhere.
 *
 * Promise: a waiter is answered once: true when every position is folded, false when its time is over, its
 * signal aborts or the store stopped.
 */
export interface Reached {
  set(topic: string, partition: number, next: number): void
  next(topic: string, partition: number): number
  wait(positions: readonly Position[], waitMs: number, signal?: AbortSignal): Promise<boolean>
  /** Nothing will move any more until `goOn`: every waiter is answered, now and later. */
  stop(): void
  goOn(): void
  all(): { topic: string; partition: number; next: number }[]
}

export function createReached(clock: Clock): Reached {
  const next = new Map<string, { topic: string; partition: number; next: number }>()
  let waiters: { readonly positions: readonly Position[]; readonly resolve: (reached: boolean) => void }[] = []
  let stopped = false

  const nextOf = (topic: string, partition: number): number => next.get(`${topic}:${partition}`)?.next ?? 0
  const isReached = (positions: readonly Position[]): boolean =>
    positions.every((at) => nextOf(at.topic, at.partition) > at.offset)

  return {
    next: nextOf,
    set(topic, partition, offset) {
      next.set(`${topic}:${partition}`, { topic, partition, next: offset })
      if (waiters.length === 0) return
      const still: typeof waiters = []
      for (const one of waiters) {
        if (isReached(one.positions)) one.resolve(true)
        else still.push(one)
      }
      waiters = still
    },
    async wait(positions, waitMs, signal) {
      if (isReached(positions)) return true
      if (waitMs <= 0 || stopped || signal?.aborted === true) return false
      const over = new AbortController()
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const waiter = { positions, resolve }
      waiters.push(waiter)
      const until = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
      void clock.sleep(waitMs, until).then(() => resolve(false))
      const reached = await promise
      over.abort()
      waiters = waiters.filter((one) => one !== waiter)
      return reached
    },
    stop() {
      stopped = true
      for (const one of waiters) one.resolve(false)
      waiters = []
    },
    goOn() {
      stopped = false
    },
    all: () => [...next.values()],
  }
}
