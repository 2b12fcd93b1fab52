/** Requests to a broker that wait for their answer while somebody sets the clock. */
import { createRequire } from 'node:module'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { stopIdleTimer } from '#infra/kafka/idle-timer.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] }))
afterEach(() => void vi.useRealTimers())

const hour = 3_600_000

test.for([6 * hour, -6 * hour, -400 * 24 * hour])(
  'a request is given up when it is late, and not when the clock is set by %i ms',
  (jumpMs) => {
    stopIdleTimer()
    const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
      readonly prototype: { scheduleRequestTimeoutCheck(this: object): void }
    }
    const timeoutRequest = vi.fn<() => void>()
    const inflight = new Map([[1, { sentAt: Date.now(), requestTimeout: 5_000, timeoutRequest }]])
    prototype.scheduleRequestTimeoutCheck.call({
      enforceRequestTimeout: true,
      inflight,
      isConnected: () => true,
      destroy: () => {},
    })
    vi.advanceTimersByTime(1_000)
    vi.setSystemTime(Date.now() + jumpMs)
    vi.advanceTimersByTime(3_000)
    expect(timeoutRequest).not.toHaveBeenCalled()
    vi.advanceTimersByTime(4_000)
    expect(timeoutRequest).toHaveBeenCalled()
  },
)
