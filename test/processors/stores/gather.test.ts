/** Larger batches out of small ones. */
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { gather } from '#processors/stores/gather.ts'

const { signal } = new AbortController()

/** Time stands still until the test lets it pass. */
function stoppedClock() {
  let pass = (): void => {}
  const sleep = () => new Promise<void>((resolve) => (pass = resolve))
  return { clock: { ...createSystemClock(), sleep }, pass: () => pass() }
}

async function* source(batches: readonly number[][], end: Promise<void> = Promise.resolve()): AsyncGenerator<number[]> {
  for (const batch of batches) yield batch
  await end
}

test('gathers until there is enough, in order, and passes the rest on at the end', async () => {
  const { clock } = stoppedClock()
  const gathered = gather(source([[1], [2, 3], [4], [5]]), { records: 3, ms: 1000 }, { clock, signal })
  expect(await Array.fromAsync(gathered)).toEqual([
    [1, 2, 3],
    [4, 5],
  ])
})

test('passes on what there is once the time is over, and loses nothing that comes later', async () => {
  const { clock, pass } = stoppedClock()
  const end = Promise.withResolvers<void>()
  const gathered = gather(source([[1], [2]], end.promise), { records: 10, ms: 1000 }, { clock, signal })
  const first = gathered.next()
  await turn()
  pass()
  expect(await first).toEqual({ done: false, value: [1, 2] })
  const rest = gathered.next()
  end.resolve()
  expect(await rest).toEqual({ done: true, value: undefined })
})

test('passes an error on, after what came before it was passed on', async () => {
  async function* failing(): AsyncGenerator<number[]> {
    yield [1]
    yield [2]
    throw new Error('the log is gone')
  }
  const { clock } = stoppedClock()
  const gathered = gather(failing(), { records: 2, ms: 1000 }, { clock, signal })
  expect((await gathered.next()).value).toEqual([1, 2])
  await expect(gathered.next()).rejects.toThrow('the log is gone')
})

test('lets its source go when nobody wants more', async () => {
  let left = false
  async function* watched(): AsyncGenerator<number[]> {
    try {
      for (;;) yield [1]
    } finally {
      left = true
    }
  }
  for await (const _ of gather(watched(), { records: 2, ms: 1000 }, { clock: stoppedClock().clock, signal })) break
  expect(left).toBe(true)
})

test('a source with nothing to wait for is passed on at once, and left alone for a moment after a small batch', async () => {
  const { clock } = stoppedClock()
  const slept: number[] = []
  const resting = { ...clock, monotonic: () => 0, sleep: async (ms: number) => void slept.push(ms) }
  const size = { records: 2, ms: 0, restMs: 5 }
  expect(await Array.fromAsync(gather(source([[1], [2, 3], [4]]), size, { clock: resting, signal }))).toEqual([
    [1],
    [2, 3],
    [4],
  ])
  expect(slept).toEqual([5, 5])
})
