/**
 * Contract of an event log: what a read gives, from where, and where it ends.
 */
import { describe, expect, it } from 'vitest'
import { content, readAll, records } from '#test/contracts/records.ts'
import type { StoredRecord } from '#processors/ports/event-log.ts'
import { formatToken, parseToken } from '#schemas/position.ts'
import { MANY, ONE, type PreparedLogs, range } from './prepared-logs.ts'

const START = { topic: ONE, partition: 0, offset: 0 } as const

export function reading(logs: PreparedLogs): void {
  describe('reading', () => {
    it('an empty topic has empty bounds in every partition and reads as nothing', async () => {
      const log = await logs.open()
      const empty = range(log.partitions(MANY)).map((partition) => ({ partition, first: 0, next: 0 }))
      expect(await log.bounds(MANY)).toEqual(empty)
      expect(await readAll(log, MANY)).toEqual([])
    })

    it('starts at any offset, in batches no larger than asked, without holes', async () => {
      const log = await logs.open()
      const written = records(25, 'a')
      await log.append(ONE, written.slice(0, 7))
      await log.append(ONE, written.slice(7))
      for (const [from, batchSize] of [
        [0, 10],
        [6, 1],
        [7, 100],
        [13, 4],
        [24, 10],
        [25, 10],
      ] as const) {
        const sizes: number[] = []
        const seen: StoredRecord[] = []
        for await (const batch of log.read({ ...START, offset: from }, { batchSize })) {
          sizes.push(batch.length)
          seen.push(...batch)
        }
        expect(seen.map(({ offset }) => offset)).toEqual(range(25).slice(from))
        expect(seen.map(content)).toEqual(written.slice(from).map(content))
        expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(batchSize)
        expect(sizes).not.toContain(0)
      }
    })

    it('ends at the end as it was when the read began', async () => {
      const log = await logs.open()
      await log.append(ONE, records(20, 'a'))
      let count = 0
      for await (const batch of log.read(START, { batchSize: 5 })) {
        count += batch.length
        await log.append(ONE, records(5, 'more'))
      }
      expect(count).toBe(20)
    })

    it('values stay valid after later reads', async () => {
      const log = await logs.open()
      const written = records(50, 'a', 2000)
      await log.append(ONE, written)
      const kept = await readAll(log, ONE, 0, 0, { batchSize: 3 })
      await readAll(log, ONE)
      expect(kept.map(content)).toEqual(written.map(content))
    })

    it('goes on after a break out of the loop, and two reads do not disturb each other', async () => {
      const log = await logs.open()
      await log.append(ONE, records(30, 'a'))
      for await (const batch of log.read(START, { batchSize: 4 })) if (batch.length > 0) break
      const left = offsetsOf(log.read(START, { batchSize: 3 }))
      const right = offsetsOf(log.read({ ...START, offset: 10 }, { batchSize: 7 }))
      expect(await left).toEqual(range(30))
      expect(await right).toEqual(range(30).slice(10))
    })

    it('ends quietly between two batches when aborted', async () => {
      const log = await logs.open()
      await log.append(ONE, records(30, 'a'))
      const stop = new AbortController()
      const seen: number[] = []
      for await (const batch of log.read(START, { batchSize: 10, signal: stop.signal })) {
        seen.push(...batch.map(({ offset }) => offset))
        stop.abort()
      }
      expect(seen).toEqual(range(10))
    })

    it('[append.survives] a log opened again has the same id and the same records', async () => {
      const log = await logs.open()
      const written = records(10, 'a')
      await log.append(ONE, written)
      await log.close()
      const again = await logs.open()
      expect(again.id).toBe(log.id)
      expect((await readAll(again, ONE)).map(content)).toEqual(written.map(content))
      expect(await again.append(ONE, records(1, 'a'))).toEqual([{ ...START, offset: 10 }])
    })

    it('has an id that fits into a position token, and says what an acknowledgement survives', async () => {
      const log = await logs.open()
      const positions = await log.append(ONE, records(1, 'a'))
      expect(parseToken(formatToken(log.id, positions))).toEqual({ logId: log.id, positions })
      expect(log.durability).not.toBe('')
    })

    it(
      '[log.ordered] 100,000 records come back once each, in order',
      { timeout: 120_000 * logs.slowness },
      async () => {
        const log = await logs.open()
        for (const lap of range(25)) {
          await Promise.all(range(4).map((i) => log.append(MANY, records(1000, `k${lap}-${i}`, 100))))
        }
        let total = 0
        for (const { partition, first, next } of await log.bounds(MANY)) {
          expect(first).toBe(0)
          let expected = 0
          for await (const batch of log.read({ topic: MANY, partition, offset: 0 })) {
            for (const { offset } of batch)
              if (offset !== expected++) throw new Error(`${offset} after ${expected - 2}`)
          }
          expect(expected).toBe(next)
          total += expected
        }
        expect(total).toBe(100_000)
      },
    )
  })
}

async function offsetsOf(reading: AsyncIterable<readonly StoredRecord[]>): Promise<number[]> {
  const offsets: number[] = []
  for await (const batch of reading) offsets.push(...batch.map(({ offset }) => offset))
  return offsets
}
