/** Position tokens: written, read, and told from what is none. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatToken, parseToken } from '#schemas/position.ts'
import { topicNames } from '#schemas/topics.ts'

const anyPosition = fc.record(
  { topic: fc.constantFrom(...topicNames), partition: fc.nat(99), offset: fc.nat({ max: 10 ** 15 - 1 }) },
  { noNullPrototype: true },
)

test('a token is read as it was written: the latest position of each partition', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
      fc.array(anyPosition, { minLength: 1 }),
      (logId, positions) => {
        const token = parseToken(formatToken(logId, positions))
        expect(token?.logId).toBe(logId)
        for (const { topic, partition } of positions) {
          const same = (at: { topic: string; partition: number }) => at.topic === topic && at.partition === partition
          const latest = Math.max(...positions.filter(same).map(({ offset }) => offset))
          expect(token?.positions.filter(same)).toEqual([{ topic, partition, offset: latest }])
        }
      },
    ),
  )
})

test('the order in which positions are given does not change the token', () => {
  const [a, b] = [
    { topic: 'runs.v1', partition: 1, offset: 3 },
    { topic: 'documents.v1', partition: 0, offset: 9 },
  ] as const
  expect(formatToken('log', [a, b])).toBe('log/documents.v1:0:9,runs.v1:1:3')
  expect(formatToken('log', [b, a])).toBe(formatToken('log', [a, b]))
})

test.for([
  '',
  'log',
  'log/',
  '/runs.v1:0:1',
  'log/runs.v1:0',
  'log/runs.v1:0:1,',
  'log/runs.v1:-1:0',
  'log/runs.v1:0:1e3',
  'lög/runs.v1:0:1',
  'log/runs.v1:0:9999999999999999',
])('%j is no token', (text) => {
  expect(parseToken(text)).toBeUndefined()
})
