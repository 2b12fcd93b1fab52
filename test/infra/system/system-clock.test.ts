/** Time, waiting and ids. */
import { expect, test } from 'vitest'
import { createSystemClock } from '#infra/system/system-clock.ts'

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('100,000 ids are UUIDv7, different, and each greater than the one before', () => {
  const clock = createSystemClock()
  const ids = Array.from({ length: 100_000 }, () => clock.newId())
  expect(ids.filter((id) => !uuid7.test(id))).toEqual([])
  expect(ids.filter((id, index) => index > 0 && id <= (ids[index - 1] ?? ''))).toEqual([])
})

test('ids begin with the time they were made', () => {
  const before = Date.now()
  const ms = Number.parseInt(createSystemClock().newId().replace('-', '').slice(0, 12), 16)
  expect(ms).toBeGreaterThanOrEqual(before)
  expect(ms).toBeLessThanOrEqual(Date.now())
})

test('ids stay in order when the wall clock stands still or steps back', () => {
  let now = 2000
  const clock = createSystemClock(() => now)
  const ids = Array.from({ length: 10_000 }, () => clock.newId())
  now = 1000
  ids.push(clock.newId(), clock.newId())
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})

test('two clocks make different ids in the same millisecond', () => {
  const make = () => createSystemClock(() => 5).newId()
  expect(new Set(Array.from({ length: 1000 }, make)).size).toBe(1000)
})

test('a sleep lasts about as long as it says', async () => {
  const clock = createSystemClock()
  const began = clock.monotonic()
  await clock.sleep(30)
  expect(clock.monotonic() - began).toBeGreaterThanOrEqual(29)
})

test('an abort ends a sleep at once, and one that was aborted before does not begin', async () => {
  const clock = createSystemClock()
  const controller = new AbortController()
  const began = clock.monotonic()
  const asleep = clock.sleep(60_000, controller.signal)
  controller.abort()
  await asleep
  await clock.sleep(60_000, controller.signal)
  await clock.sleep(0)
  await clock.sleep(-5)
  expect(clock.monotonic() - began).toBeLessThan(5000)
})

test('a sleep longer than a timer can be is still a sleep', async () => {
  const controller = new AbortController()
  let woke = false
  const asleep = createSystemClock()
    .sleep(2 ** 40, controller.signal)
    .then(() => (woke = true))
  await createSystemClock().sleep(20)
  expect(woke).toBe(false)
  controller.abort()
  await asleep
})
