/** What a store says of how far it has folded: seldom, and true in the end. */
import { expect, test } from 'vitest'
import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Signal } from '#processors/ports/report.ts'
import { createFoldMeter } from '#processors/stores/fold-meter.ts'

/** A log of one topic with two partitions, and a clock whose second passes when the test says so. */
function given() {
  const signals: Signal[] = []
  const ends = [0, 0]
  const asked = { times: 0, fails: false, waits: Promise.resolve() }
  let wake: (() => void)[] = []
  const stopping = new AbortController()
  const log = {
    partitions: () => 2,
    bounds: async () => {
      asked.times += 1
      await asked.waits
      if (asked.fails) throw new Failure('log.unavailable', 'not now')
      return ends.map((next, partition) => ({ partition, first: 0, next }))
    },
  } as unknown as EventLog
  const clock = { sleep: async () => await new Promise<void>((resolve) => wake.push(resolve)) } as unknown as Clock
  const meter = createFoldMeter(
    { name: 'search', topics: ['documents.v1'] },
    { log, clock, report: (signal) => void signals.push(signal), signal: stopping.signal },
    [{ topic: 'documents.v1', partition: 1, next: 4, lastId: 'a' }],
  )
  return {
    meter,
    ends,
    asked,
    stopping,
    fold: (partition: number, next: number) => meter.moved({ topic: 'documents.v1', partition, next, lastId: 'b' }),
    /** What is told when the second is over. */
    async second(): Promise<readonly Signal[]> {
      const sleeping = wake
      wake = []
      signals.length = 0
      for (const one of sleeping) one()
      await new Promise((resolve) => setImmediate(resolve))
      return [...signals]
    },
    timers: () => wake.length,
  }
}

const told = (partition: number, next: number, end: number, records: number) => ({
  signal: 'store.folded',
  store: 'search',
  topic: 'documents.v1',
  partition,
  next,
  end,
  records,
})

test('where a store begins is told of every partition, and counts as nothing folded', async () => {
  const { second, ends } = given()
  ends.splice(0, 2, 3, 4)
  expect(await second()).toEqual([told(0, 0, 3, 0), told(1, 4, 4, 0)])
})

test('a thousand folds in a second are told once, with all their records; then nothing is asked', async () => {
  const { second, fold, ends, asked, timers } = given()
  await second()
  ends[0] = 1200
  for (let next = 1; next <= 1000; next += 1) fold(0, next)
  expect(timers()).toBe(1)
  expect(await second()).toEqual([told(0, 1000, 1200, 1000)])
  fold(0, 1200)
  expect(await second()).toEqual([told(0, 1200, 1200, 200)])
  expect(timers()).toBe(0)
  expect(asked.times).toBe(3)
})

test('a store that waits tells how the log grows beyond it', async () => {
  const { second, meter, ends } = given()
  await second()
  ends[1] = 9
  meter.waits()
  expect(await second()).toEqual([told(0, 0, 0, 0), told(1, 4, 9, 0)])
})

test('a log that does not answer leaves the end as it was known; no lag is below none', async () => {
  const { second, fold, ends, asked } = given()
  ends[0] = 7
  await second()
  asked.fails = true
  fold(0, 5)
  expect(await second()).toEqual([told(0, 5, 7, 5)])
  fold(0, 8)
  expect(await second()).toEqual([told(0, 8, 8, 3)])
})

test('a log that takes its time is asked once at a time, and what moves meanwhile is told after it', async () => {
  const { second, fold, ends, asked, timers } = given()
  await second()
  const answer = Promise.withResolvers<void>()
  asked.waits = answer.promise
  ends[0] = 2
  fold(0, 1)
  expect(await second()).toEqual([])
  fold(0, 2)
  expect(timers()).toBe(0)
  answer.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(timers()).toBe(1)
  expect(await second()).toEqual([told(0, 2, 2, 0)])
  expect(timers()).toBe(0)
})

test('a store that is closed says nothing more', async () => {
  const { second, fold, stopping, timers } = given()
  stopping.abort()
  expect(await second()).toEqual([])
  fold(0, 1)
  expect(timers()).toBe(0)
})
