/**
 * Stops a timer in kafkajs 2.2.4 that wakes the process a thousand times a second for each open connection.
 *
 * `RequestQueue.scheduleCheckPendingRequests` sets a timer even when nothing is pending, for a time in the past (hence
 * Node's TimeoutNegativeWarning), and its callback sets the next. Here it is set only when a request waits.
 * `test/infra/kafka/idle.kafka.test.ts` measures what is left. (tulios/kafkajs#1704)
 */
import { createRequire } from 'node:module'

interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null
  readonly throttledUntil: number
  readonly pending: readonly unknown[]
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const CHECK_EVERY_MS = 10
const require = createRequire(import.meta.url)
let stopped = false

export function stopIdleTimer(): void {
  if (stopped) return
  stopped = true
  const queue = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue }
  queue.prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue) {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null
        this.checkPendingRequests()
      },
      Math.max(this.throttledUntil - Date.now(), CHECK_EVERY_MS),
    )
  }
}
