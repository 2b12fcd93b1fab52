/**
 * Contract of an event log: what an append gives and leaves.
 */
import { describe, expect, it } from 'vitest'
import { content, idOf, readAll, record, records } from '#test/contracts/records.ts'
import { type NewRecord, type StoredRecord, partitionOf, recordLimits } from '#processors/ports/event-log.ts'
import { MANY, ONE, type PreparedLogs, ackedBy, failureOf, range } from './prepared-logs.ts'

export function appending(logs: PreparedLogs): void {
  describe('appending', () => {
    it('[log.ordered] gives contiguous positions from 0, a partition each', async () => {
      const log = await logs.open()
      const first = await log.append(ONE, records(3, 'a'))
      const second = await log.append(ONE, records(2, 'b'))
      expect([...first, ...second]).toEqual(range(5).map((offset) => ({ topic: ONE, partition: 0, offset })))
    })

    it('puts each record into the partition of its key', async () => {
      const log = await logs.open()
      const batch = range(40).map((i) => record(`key-${i}`))
      const positions = await log.append(MANY, batch)
      const partitions = log.partitions(MANY)
      expect(positions.map((at) => at.partition)).toEqual(batch.map(({ key }) => partitionOf(key, partitions)))
      for (const { partition, next } of await log.bounds(MANY)) {
        const here = positions.map((at, i) => ({ ...at, i })).filter((at) => at.partition === partition)
        expect(here.map((at) => at.offset)).toEqual(range(next))
        const stored = await readAll(log, MANY, partition)
        expect(stored.map(content)).toEqual(here.map(({ i }) => content(batch[i] as NewRecord)))
      }
    })

    it('[log.ordered] keeps the records of one call together and in order beside 64 concurrent calls', async () => {
      const log = await logs.open()
      const calls = range(64).map((i) => records(1 + (i % 5), `call-${i}`))
      const positions = await Promise.all(calls.map((call) => log.append(ONE, call)))
      const stored = await readAll(log, ONE)
      expect(stored.map(({ offset }) => offset)).toEqual(range(calls.flat().length))
      calls.forEach((call, i) => {
        const offsets = positions[i]?.map((at) => at.offset) ?? []
        expect(offsets).toEqual(call.map((_, n) => (offsets[0] ?? -1) + n))
        expect(offsets.map((offset) => content(stored[offset] as StoredRecord))).toEqual(call.map(content))
      })
    })

    it('an empty call gives no positions and writes nothing', async () => {
      const log = await logs.open()
      expect(await log.append(ONE, [])).toEqual([])
      expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 0, next: 0 }])
    })

    it('keeps keys, headers and values as they are, also unicode, empty and binary', async () => {
      const log = await logs.open()
      const odd: NewRecord[] = [
        record('schlüssel-🔑-鍵', 'wörld 🌍 \u0000 ✓', { subject: 'zażółć gęślą jaźń 🐙', empty: '' }),
        record('k', new Uint8Array(0)),
        record('x'.repeat(512), Uint8Array.from(range(256)), { 'x-long': 'v'.repeat(3000) }),
        { key: 'bare', headers: {}, value: Buffer.from([0]) },
        record('line\nbreak', 'a\r\nb', { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }),
        record('names', '', { constructor: 'c', toString: 't', '0': 'zero', 'x-y': '-' }),
      ]
      await log.append(ONE, odd)
      expect((await readAll(log, ONE)).map(content)).toEqual(odd.map(content))
      expect((await readAll(await logs.open(), ONE)).map(content)).toEqual(odd.map(content))
    })

    it('does not notice when the caller reuses the memory of a value it gave', async () => {
      const log = await logs.open()
      const value = Buffer.from('first')
      const acked = log.append(ONE, [record('a', value)])
      await acked
      value.write('other')
      await log.append(ONE, [record('a', value)])
      expect((await readAll(log, ONE)).map((stored) => Buffer.from(stored.value).toString())).toEqual([
        'first',
        'other',
      ])
    })

    it('takes a record of recordLimits.bytes, and the next one follows it', async () => {
      const log = await logs.open()
      const large = ofSize('large', recordLimits.bytes)
      await log.append(ONE, [large])
      await log.append(ONE, records(1, 'after'))
      const stored = await readAll(log, ONE)
      expect(stored.map(({ value }) => value.length)).toEqual([large.value.length, 16])
      expect(Buffer.compare(stored[0]?.value ?? Buffer.alloc(0), large.value)).toBe(0)
    })

    it('refuses a call above recordLimits.bytes or recordLimits.records by name and writes nothing of it', async () => {
      const log = await logs.open()
      const tooLarge = [record('small'), ofSize('large', recordLimits.bytes)]
      expect(await failureOf(log.append(ONE, tooLarge))).toBe('record.too-large')
      expect(await failureOf(log.append(ONE, [ofSize('äöü', recordLimits.bytes + 1)]))).toBe('record.too-large')
      expect(await failureOf(log.append(ONE, records(recordLimits.records + 1, 'many')))).toBe('record.too-large')
      expect(await log.bounds(ONE)).toEqual([{ partition: 0, first: 0, next: 0 }])
      expect(await log.append(ONE, records(1, 'next'))).toEqual([{ topic: ONE, partition: 0, offset: 0 }])
    })

    it('[log.ordered] two logs opened at once append to one history, and each sees at once what is acknowledged', async () => {
      const [left, right] = [await logs.open(), await logs.open()]
      expect(right.id).toBe(left.id)
      const acked = await Promise.all(
        range(100).map(async (i) => {
          const [writer, reader] = i % 2 === 0 ? [left, right] : [right, left]
          const [first, second] = await writer.append(ONE, records(2, `call-${i}`))
          const [bounds] = await reader.bounds(ONE)
          expect(bounds?.next).toBeGreaterThan(second?.offset ?? Infinity)
          return [first?.offset, second?.offset]
        }),
      )
      expect(acked.flat().toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual(range(200))
      expect((await readAll(left, ONE)).map(content)).toEqual((await readAll(right, ONE)).map(content))
    })

    it('[log.ordered] writers in three processes append to one history', async () => {
      const log = await logs.open()
      const writers = range(2).map((w) =>
        logs.child({ do: 'append', topic: ONE, writer: `w${w}`, calls: 50, batch: 3, inFlight: 4 }),
      )
      const acked: { id: string; offset: number }[] = []
      for (const _ of range(25)) {
        const batch = records(3, 'own')
        const positions = await log.append(ONE, batch)
        batch.forEach((own, i) => acked.push({ id: idOf(own), offset: positions[i]?.offset ?? -1 }))
      }
      for (const writer of writers) expect(await writer.ended).toBe(0)
      for (const writer of writers) acked.push(...ackedBy(writer))
      const stored = await readAll(log, ONE)
      expect(stored.map(({ offset }) => offset)).toEqual(range(375))
      expect(acked.length).toBe(375)
      for (const { id, offset } of acked) expect(idOf(stored[offset] as StoredRecord)).toBe(id)
    })
  })
}

/** A record whose key, headers and value are together exactly this large. */
function ofSize(key: string, sizeBytes: number): NewRecord {
  const empty = record(key)
  let used = Buffer.byteLength(key)
  for (const [name, value] of Object.entries(empty.headers)) used += name.length + Buffer.byteLength(value)
  return { ...empty, value: Buffer.alloc(sizeBytes - used, 'abcdefg') }
}
