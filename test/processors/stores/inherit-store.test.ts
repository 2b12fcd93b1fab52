/** A store whose owner may leave, or has not made its first build yet. */
import { expect, test } from 'vitest'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { Failure } from '#processors/ports/failure.ts'
import { inheritStore } from '#processors/stores/inherit-store.ts'
import type { LiveStore } from '#processors/stores/live-store.ts'
import type { ReadableStore } from '#processors/stores/read-store.ts'

const clock = createSystemClock()
const position = { topic: 'runs.v1', partition: 0, offset: 4 }

function readAs(answer: string, reached: boolean): ReadableStore<string> {
  return {
    name: 'lookup',
    next: () => (reached ? 5 : 0),
    query: async (ask) => ask(answer),
    async reached(_positions, waitMs) {
      if (!reached) await clock.sleep(waitMs)
      return reached
    },
  }
}

test('while the owner lives it is read as it stands', async () => {
  const store = inheritStore(readAs('theirs', true), { tryOwn: async () => undefined, clock })
  expect(await store.reached([position], 1000)).toBe(true)
  expect(await store.query((reads) => reads)).toBe('theirs')
})

test('a waiter takes the store over once its owner has left', async () => {
  const asked: number[] = []
  const tryOwn = async (): Promise<LiveStore<string> | undefined> => {
    asked.push(asked.length)
    return asked.length < 3 ? undefined : (readAs('ours', true) as LiveStore<string>)
  }
  const store = inheritStore(readAs('theirs', false), { tryOwn, clock })
  const waits = [store.reached([position], 10_000), store.reached([position], 10_000)]
  expect(await Promise.all(waits)).toEqual([true, true])
  expect(await store.query((reads) => reads)).toBe('ours')
  expect(store.next('runs.v1', 0)).toBe(5)
  expect(asked).toHaveLength(3)
})

test('a waiter gives up in time where the owner lives and is behind', async () => {
  const store = inheritStore(readAs('theirs', false), { tryOwn: async () => undefined, clock })
  expect(await store.reached([position], 150)).toBe(false)
})

test('a store that its owner has not built yet is waited for', async () => {
  let asked = 0
  const reader: ReadableStore<string> = {
    ...readAs('theirs', true),
    async query(ask) {
      asked += 1
      if (asked < 3) throw new Failure('store.unknown', 'not built yet')
      return ask('built')
    },
  }
  const store = inheritStore(reader, { tryOwn: async () => undefined, clock })
  expect(await store.query((reads) => reads)).toBe('built')
})

test('a store that only its owner can look into says so at once', async () => {
  const reader = {
    ...readAs('theirs', true),
    reached: () => Promise.reject(new Failure('store.locked', 'theirs alone')),
  }
  const store = inheritStore(reader, { tryOwn: async () => undefined, clock })
  await expect(store.reached([position], 10_000)).rejects.toThrow('theirs alone')
})
