/** A record's way into a stream entry and back. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { StreamRecord, offsetOf, packRecords, streamId } from '#infra/redis/stream-record.ts'

test('an entry id is the offset + 1, and only ids of that form are ours', () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat().filter((n) => n < Number.MAX_SAFE_INTEGER),
      (offset) => offsetOf(Buffer.from(streamId(offset))) === offset,
    ),
  )
  expect(streamId(0)).toBe('1-0')
  for (const foreign of ['1700000000000-1', '12', '12-', '99999999999999999999-0', '']) {
    expect(offsetOf(Buffer.from(foreign))).toBeUndefined()
  }
})

test('what is packed for the script is what was given', () => {
  const arbitrary = fc.record({
    key: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 9 }), fc.string({ unit: 'binary', maxLength: 40 })),
    value: fc.uint8Array({ maxLength: 300 }),
  })
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 20 }), (records) => {
      const { bytes, count } = packRecords(records)
      expect(count).toBe(records.length)
      let at = 0
      const take = (length: number) => bytes.subarray(at, (at += length))
      for (const record of records) {
        const head = take(10)
        const lengths = [head.readUInt16BE(0), head.readUInt32BE(2), head.readUInt32BE(6)]
        const [k, h, v] = lengths.map(take) as [Buffer, Buffer, Buffer]
        const names = ['k', 'h', 'v'].map((name) => Buffer.from(name)) as [Buffer, Buffer, Buffer]
        const stored = new StreamRecord(0, [names[0], k, names[1], h, names[2], v])
        expect(stored.key).toBe(record.key)
        expect({ ...stored.headers }).toEqual({ ...record.headers })
        expect(Buffer.compare(stored.value, record.value)).toBe(0)
      }
      expect(at).toBe(bytes.length)
    }),
  )
})

test('a foreign entry has an empty key, no headers, or no bytes, rather than an error', () => {
  const fields = ['h', '{not json', 'x', 'y'].map((text) => Buffer.from(text))
  const foreign = new StreamRecord(3, fields)
  expect([foreign.offset, foreign.key, foreign.headers, foreign.value.length]).toEqual([3, '', {}, 0])
  expect(
    new StreamRecord(
      0,
      ['h', '{"a":1}'].map((text) => Buffer.from(text)),
    ).headers,
  ).toEqual({})
})
