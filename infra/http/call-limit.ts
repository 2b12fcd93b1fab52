/**
 * One signal for the two ways a call is ended from our side: the caller's abort and the time it may take.
 *
 * Promise: `endedBy` says which came first; `release` leaves no timer and no listener behind.
 */
export interface CallLimit {
  readonly signal: AbortSignal
  endedBy(): 'timeout' | 'cancelled' | undefined
  release(): void
}

const longestTimerMs = 2 ** 31 - 1

export function limitCall(caller: AbortSignal, timeoutMs: number): CallLimit {
  const controller = new AbortController()
  let ended: 'timeout' | 'cancelled' | undefined
  const end = (by: 'timeout' | 'cancelled') => {
    ended ??= by
    controller.abort()
  }
  const cancel = () => end('cancelled')
  const timer = setTimeout(() => end('timeout'), Math.min(timeoutMs, longestTimerMs))
  if (caller.aborted) cancel()
  else caller.addEventListener('abort', cancel, { once: true })
  return {
    signal: controller.signal,
    endedBy: () => ended,
    release() {
      clearTimeout(timer)
      caller.removeEventListener('abort', cancel)
    },
  }
}
