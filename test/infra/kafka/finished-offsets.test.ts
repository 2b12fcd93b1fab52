/** What a group has finished of a partition: a set of numbers, kept small and written beside one offset. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FinishedOffsets, readCommitted, startAt } from '#infra/kafka/finished-offsets.ts'

const someWork = fc.array(fc.record({ finish: fc.boolean(), offset: fc.nat(60) }), { maxLength: 120 })

describe('finished offsets', () => {
  it('are a set, whatever the order, and the next worker reads the same from what was committed', () => {
    fc.assert(
      fc.property(someWork, fc.nat(2 ** 40), (work, first) => {
        const finished = new Set<number>()
        let delivered = first
        const tested = startAt(first)
        for (const { finish, offset } of work) {
          delivered = Math.max(delivered, first + offset + 1)
          if (finish) finished.add(first + offset)
          if (finish) tested.finish(first + offset)
          else tested.deliver(first + offset)
        }
        let prefix = first
        while (finished.has(prefix)) prefix += 1
        const beyond = [...finished].filter((offset) => offset > prefix).length
        for (const state of [tested, readCommitted(tested.commit())]) {
          for (let offset = first; offset < first + 62; offset += 1)
            expect(state.isFinished(offset)).toBe(finished.has(offset))
          expect([state.prefix, state.delivered, state.taken]).toEqual([prefix, delivered, delivered - prefix - beyond])
        }
      }),
    )
  })

  it('forget the furthest when there are more than Kafka takes, and nothing before them', () => {
    const finished = startAt(1_000_000)
    for (let offset = 1_000_001; offset < 1_010_000; offset += 2) finished.finish(offset)
    const { offset, metadata } = finished.commit()
    expect(metadata.length).toBeLessThan(4096)
    const read = readCommitted({ offset, metadata })
    expect(read.isFinished(1_000_001)).toBe(true)
    expect(read.isFinished(1_000_002)).toBe(false)
    expect(read.isFinished(1_009_999)).toBe(false)
    expect(read.delivered).toBe(1_010_000)
  })

  it.for(['', 'x', '{"a":1}', '1;zz', '2;0;', '1;!;'])('take a metadata of somebody else (%j) for none', (metadata) => {
    const read = readCommitted({ offset: 12, metadata })
    expect([read.prefix, read.delivered, read.taken]).toEqual([12, 12, 0])
  })

  it('a long row beyond one that is under way stays one range', () => {
    const finished = new FinishedOffsets(0)
    finished.deliver(0)
    for (let offset = 1; offset <= 100_000; offset += 1) finished.finish(offset)
    expect(finished.commit().metadata.length).toBeLessThan(20)
    expect(finished.taken).toBe(1)
    finished.finish(0)
    expect(finished.prefix).toBe(100_001)
  })
})
