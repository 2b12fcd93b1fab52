/** The thread that foreign schemas are given to, when they take what they may not. */
import { expect, test } from 'vitest'
import { openSchemaLane } from '#processors/validation/schema-lane.ts'

test('what takes more memory than it may ends the thread, and the next question begins another', async () => {
  const lane = openSchemaLane({ ms: 1000, memoryMb: 16 })
  const many = `[${'[],'.repeat(600_000)}[]]`
  expect(await lane.ask({ schema: 'true', answer: many })).toEqual({ gone: true })
  expect(await lane.ask({ schema: 'true', answer: '{}' })).toEqual({ findings: [] })
})

test('a flood of new schemas does not keep those waiting who ask by a known one, nor the other way round', async () => {
  const lane = openSchemaLane({ ms: 1000 })
  const known = { schema: '{"type": "object"}', answer: '{}' }
  await lane.ask(known)
  const order: string[] = []
  const ask = (name: string, question: { schema: string; answer: string }): Promise<unknown> =>
    lane.ask(question).then(() => order.push(name))
  const flood = Array.from({ length: 30 }, (_, index) => ask('new', { schema: `{"const": ${index}}`, answer: '1' }))
  const good = [ask('known', known), ask('known', known)]
  await Promise.all(good)
  expect(order.filter((name) => name === 'new').length).toBeLessThan(5)
  await Promise.all(flood)

  order.length = 0
  const again = Array.from({ length: 30 }, () => ask('known', known))
  await ask('new', { schema: '{"const": "x"}', answer: '"x"' })
  expect(order.filter((name) => name === 'known').length).toBeLessThan(5)
  await Promise.all(again)
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
