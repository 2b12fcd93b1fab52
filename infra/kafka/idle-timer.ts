/**
 * Stops the timers by which kafkajs 2.2.4 wakes an idle process a thousand times a second for each open connection.
 *
 * `RequestQueue.scheduleCheckPendingRequests` sets a timer even when nothing is pending, for a time in the past (hence
 * Node's TimeoutNegativeWarning), and its callback sets the next; here it is set only when a request waits
 * (tulios/kafkajs#1704). `scheduleRequestTimeoutCheck` looks for late answers ten times a second; here once, and by how long
 * it has seen them wait: the wall clock, which kafkajs notes, may be set an hour on or back in between.
 * `test/infra/kafka/idle-timer.kafka.test.ts` measures what is left.
 */
import { createRequire } from 'node:module'

interface RequestQueue {
  readonly enforceRequestTimeout: boolean
  readonly inflight: ReadonlyMap<number, { readonly requestTimeout: number; timeoutRequest(): void }>
  requestTimeoutIntervalId: NodeJS.Timeout | undefined
  isConnected(): boolean
  destroy(): void
  scheduleRequestTimeoutCheck(): void
  throttleCheckTimeoutId: NodeJS.Timeout | null
  readonly throttledUntil: number
  readonly pending: readonly unknown[]
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const CHECK_EVERY_MS = 10
const LATE_CHECK_EVERY_MS = 1_000
/** Brokers ask for less. */
const LONGEST_THROTTLE_MS = 30_000
const require = createRequire(import.meta.url)
let stopped = false

export function stopIdleTimer(): void {
  if (stopped) return
  stopped = true
  const queue = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue }
  queue.prototype.scheduleRequestTimeoutCheck = function scheduleRequestTimeoutCheck(this: RequestQueue) {
    if (!this.enforceRequestTimeout) return
    this.destroy()
    const seen = new WeakMap<object, number>()
    this.requestTimeoutIntervalId = setInterval(() => {
      const now = performance.now()
      for (const request of this.inflight.values()) {
        const since = seen.get(request) ?? now
        seen.set(request, since)
        if (now - since > request.requestTimeout) request.timeoutRequest()
      }
      if (!this.isConnected()) this.destroy()
    }, LATE_CHECK_EVERY_MS)
  }
  queue.prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue) {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null
        this.checkPendingRequests()
      },
      Math.min(Math.max(this.throttledUntil - Date.now(), CHECK_EVERY_MS), LONGEST_THROTTLE_MS),
    )
  }
}
