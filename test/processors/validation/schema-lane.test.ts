/** The thread that foreign schemas are given to, when they take what they may not. */
import { expect, test } from 'vitest'
import { openSchemaLane } from '#processors/validation/schema-lane.ts'

test('what takes more memory than it may ends the thread, and the next question begins another', async () => {
  const lane = openSchemaLane({ ms: 1000, memoryMb: 16 })
  const many = `[${'[],'.repeat(600_000)}[]]`
  expect(await lane.ask({ schema: 'true', answer: many })).toEqual({ gone: true })
  expect(await lane.ask({ schema: 'true', answer: '{}' })).toEqual({ findings: [] })
})

test('questions are taken up to a bound, and those that were taken are answered in order', async () => {
  const lane = openSchemaLane({ ms: 1000, mostWaiting: 3 })
  const told: number[] = []
  const asked = Array.from({ length: 6 }, async (_, index) => {
    const said = await lane.ask({ schema: `{"const": ${index}}`, answer: String(index) })
    told.push(index)
    return said
  })
  const [ok, no] = [{ findings: [] }, { crowded: true }]
  expect(await Promise.all(asked)).toEqual([ok, ok, ok, ok, no, no])
  expect(told).toEqual([4, 5, 0, 1, 2, 3])
})
