/**
 * Gives back, once a thread rests, the memory that work took.
 *
 * V8 collects when something is allocated. A thread that has read a million records and then waits would keep its
 * rubbish, and a young generation of up to 64 MB, until it works again.
 *
 * Promise: collects when the thread has been all but idle for a while, and only where its heap has grown since the last
 * time: never twice for the same rest. What comes after a pause of seconds finds its young generation as it was: a
 * collection made such bursts slower by a third (measured). It keeps no process alive.
 */
import { performance } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface OwnThread {
  /** The part of the time since it was last asked in which the thread did something, 0 to 1. */
  utilization(): number
  /** What its heap takes from the system, with what hangs on it outside. */
  heapBytes(): number
  collect(): void
}

export interface GiveBackOptions {
  readonly lookEveryMs?: number
  /** The measuring thread itself; another one for tests. */
  readonly thread?: OwnThread
}

/** A server without load wakes up for its timers and its log. */
const restingUtilization = 0.05
/** So many looks in a row make a rest. */
const restingLooks = 10
const worthBytes = 12 * 1024 * 1024

/** Returns what ends it. */
export function giveBackAtRest({ lookEveryMs = 2_000, thread = thisThread() }: GiveBackOptions = {}): () => void {
  let keptBytes = 0
  let resting = 0
  const timer = setInterval(() => {
    resting = thread.utilization() > restingUtilization ? 0 : resting + 1
    if (resting < restingLooks || thread.heapBytes() - keptBytes < worthBytes) return
    thread.collect()
    keptBytes = thread.heapBytes()
    // What the collection took is no work.
    thread.utilization()
  }, lookEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}

function thisThread(): OwnThread {
  let before = performance.eventLoopUtilization()
  let gc: (() => void) | undefined
  return {
    utilization() {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, before)
      before = now
      return utilization
    },
    heapBytes() {
      const { total_heap_size, external_memory } = getHeapStatistics()
      return total_heap_size + external_memory
    },
    collect() {
      gc ??= collector()
      gc()
    },
  }
}

/** V8 hands its collector only to contexts made while the flag stands. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  return gc
}
