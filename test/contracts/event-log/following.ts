/**
 * Contract of an event log: a read that goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { records } from '#test/contracts/records.ts'
import { ONE, type PreparedLogs, collect, range } from './prepared-logs.ts'

export function following(logs: PreparedLogs): void {
  describe('following', () => {
    it('gives what is there, then what comes, and ends quietly when aborted', async () => {
      const log = await logs.open()
      await log.append(ONE, records(3, 'a'))
      const stop = new AbortController()
      const seen: number[] = []
      const ended = collect(log, ({ offset }) => seen.push(offset), { signal: stop.signal })
      await eventually('the first three', () => seen.length === 3)
      await log.append(ONE, records(2, 'b'))
      await eventually('the next two', () => seen.length === 5)
      stop.abort()
      await ended
      expect(seen).toEqual(range(5))
    })

    it('waits at the end of an empty topic', async () => {
      const [log, writer] = [await logs.open(), await logs.open()]
      const stop = new AbortController()
      const seen: number[] = []
      const ended = collect(log, ({ offset }) => seen.push(offset), { signal: stop.signal })
      await writer.append(ONE, records(1, 'a'))
      await eventually('the record', () => seen.length === 1)
      stop.abort()
      await ended
    })

    it('an abort before the first record ends it at once, also one that came as the read began or before', async () => {
      const log = await logs.open()
      const stop = new AbortController()
      const ended = collect(log, () => {}, { signal: stop.signal })
      await sleep(20)
      stop.abort()
      await ended
      await collect(log, () => {}, { signal: stop.signal })
      for (let turns = 0; turns < 5; turns += 1) {
        const soon = new AbortController()
        const begun = collect(log, () => {}, { signal: soon.signal })
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
        soon.abort()
        await begun
      }
    })

    it('[log.ordered] sees each record once and in order while three processes write', async () => {
      const log = await logs.open()
      const stop = new AbortController()
      const seen: number[] = []
      const ended = collect(log, ({ offset }) => seen.push(offset), { signal: stop.signal })
      const writers = range(2).map((w) =>
        logs.child({ do: 'append', topic: ONE, writer: `w${w}`, calls: 40, batch: 2, inFlight: 4 }),
      )
      await Promise.all(range(40).map((i) => log.append(ONE, records(2, `own-${i}`))))
      for (const writer of writers) expect(await writer.ended).toBe(0)
      await eventually('all of it', () => seen.length >= 240)
      stop.abort()
      await ended
      expect(seen).toEqual(range(240))
    })

    it('wakes within a quarter of a second (median) in this and in another process', async () => {
      const log = await logs.open()
      const other = logs.child({ do: 'follow', topic: ONE, partition: 0 })
      const stop = new AbortController()
      const seenAt = new Map<number, number>()
      const ended = collect(log, ({ offset }) => seenAt.set(offset, Date.now()), { signal: stop.signal })
      await eventually('the other process', () => other.lines.length > 0)
      const sentAt: number[] = []
      for (const i of range(20)) {
        sentAt.push(Date.now())
        await log.append(ONE, records(1, 'a'))
        const there = (): boolean => other.lines.some((line) => 'seen' in line && line.offset === i)
        await eventually('both saw it', () => seenAt.has(i) && there())
      }
      stop.abort()
      await ended
      const here = sentAt.map((sent, i) => (seenAt.get(i) ?? Infinity) - sent)
      const there = other.lines.flatMap((line) => ('seen' in line ? [line.atMs - (sentAt[line.offset] ?? 0)] : []))
      expect(median(here)).toBeLessThan(250 * logs.slowness)
      expect(median(there)).toBeLessThan(250 * logs.slowness)
    })
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Infinity
}
