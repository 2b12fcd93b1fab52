/** Memory given back at rest: when it is collected, and that it is. */
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { giveBackAtRest } from '#infra/system/give-back-at-rest.ts'

const MB = 1024 * 1024

const restMs = 10_000

/** Looks once a second of a clock that stands; a collection brings the heap back to 50 MB. */
function given(): {
  thread: { busy: number; heapMb: number; collected: number }
  rest(ms?: number): void
  stop(): void
} {
  vi.useFakeTimers()
  const thread = { busy: 0, heapMb: 90, collected: 0 }
  const stop = giveBackAtRest({
    lookEveryMs: 1_000,
    thread: {
      utilization: () => thread.busy,
      heapBytes: () => thread.heapMb * MB,
      collect() {
        thread.collected += 1
        thread.heapMb = 50
      },
    },
  })
  return {
    thread,
    rest: (ms = restMs) => void vi.advanceTimersByTime(ms),
    stop() {
      stop()
      vi.useRealTimers()
    },
  }
}

test('a thread that rests is collected once, and again when its heap has grown', () => {
  const { thread, rest, stop } = given()
  rest()
  expect(thread).toMatchObject({ collected: 1, heapMb: 50 })
  rest()
  thread.heapMb = 55
  rest()
  expect(thread.collected).toBe(1)
  thread.heapMb = 80
  rest()
  expect(thread.collected).toBe(2)
  stop()
})

test('once it is ended nothing is collected', () => {
  const { thread, rest, stop } = given()
  stop()
  vi.useFakeTimers()
  rest()
  vi.useRealTimers()
  expect(thread.collected).toBe(0)
})

test('a busy thread is left alone until it has rested for a while', () => {
  const { thread, rest, stop } = given()
  thread.busy = 0.4
  rest()
  expect(thread.collected).toBe(0)
  thread.busy = 0.01
  rest(restMs - 1_000)
  expect(thread.collected).toBe(0)
  rest(1_000)
  expect(thread.collected).toBe(1)
  stop()
})

test('rubbish and the young generation that grew with it are given back', { timeout: 60_000 }, async () => {
  const file = pathToFileURL(resolve('infra/system/give-back-at-rest.ts')).href
  const program = `
    import { getHeapStatistics } from 'node:v8'
    import { giveBackAtRest } from ${JSON.stringify(file)}
    for (let lap = 0; lap < 10; lap += 1) globalThis.rubbish = Array.from({ length: 300_000 }, (_, n) => ({ n: { n } }))
    globalThis.rubbish = undefined
    const heapBytes = () => getHeapStatistics().total_heap_size
    const before = heapBytes()
    giveBackAtRest({ lookEveryMs: 50 })
    const looking = setInterval(() => {
      if (heapBytes() > before / 2) return
      clearInterval(looking)
      console.log('given back, gc is ' + typeof globalThis.gc)
    }, 100)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
  expect(stdout.trim()).toBe('given back, gc is undefined')
})
