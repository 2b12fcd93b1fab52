/** The newest records of a partition: what the file holds, or nothing. */
import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { Tail } from '#infra/embedded/tail.ts'
import { record } from '#test/contracts/records.ts'

const some = (count: number, bytes = 10) =>
  Array.from({ length: count }, (_, i) => record(`key-${i}`, 'x'.repeat(bytes)))

test('gives what was added, from any offset on, and nothing from beyond', () => {
  const tail = new Tail()
  tail.add(7, some(3))
  expect(tail.from(8, 10).map(({ offset, key }) => [offset, key])).toEqual([
    [8, 'key-1'],
    [9, 'key-2'],
  ])
  expect(tail.from(7, 1).map(({ offset }) => offset)).toEqual([7])
  expect(tail.from(6, 10)).toEqual([])
  expect(tail.from(10, 10)).toEqual([])
})

test('holds nothing that is too large, and goes on behind it', () => {
  const tail = new Tail()
  tail.add(0, some(2))
  tail.add(2, some(1, 3 * 1024 * 1024))
  expect(tail.from(2, 1)).toEqual([])
  tail.add(3, some(1))
  expect(tail.from(3, 1).map(({ offset }) => offset)).toEqual([3])
})

test('[log.ordered] has no hole, whoever writes in between and however much', () => {
  const step = fc.record({ gap: fc.nat(2), count: fc.integer({ min: 1, max: 900 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(5000), (steps, from) => {
      const tail = new Tail()
      let next = 0
      const own = new Set<number>()
      for (const { gap, count } of steps) {
        next += gap
        tail.add(next, some(count, 1))
        for (let i = 0; i < count; i += 1) own.add(next + i)
        next += count
      }
      tail.from(from, 10_000).forEach(({ offset }, index) => {
        expect(offset).toBe(from + index)
        expect(own.has(offset)).toBe(true)
      })
      if (steps.length > 0) expect(tail.from(next - 1, 1).length).toBe(1)
    }),
  )
})
