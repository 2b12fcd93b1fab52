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
      for (const record of records) {
        const end = at + 4 + bytes.readUInt32BE(at)
        const stored = new StreamRecord(7, [Buffer.from('r'), bytes.subarray(at + 4, end)])
        at = end
        expect(stored.offset).toBe(7)
        expect(stored.key).toBe(record.key)
        expect({ ...stored.headers }).toEqual({ ...record.headers })
        expect(Buffer.compare(stored.value, record.value)).toBe(0)
      }
      expect(at).toBe(bytes.length)
    }),
  )
})

test.for([
  ['other fields', ['some', 'thing']],
  ['no fields', []],
  ['our field, but too short', ['r', 'abc']],
  ['lengths that point outside', ['r', '\xff\xff\xff\xff\xff\xffabc']],
  ['headers that are no JSON', ['r', '\x00\x00\x00\x00\x00\x03{no']],
] as const)('a foreign entry is empty rather than an error: %s', ([, fields]) => {
  const foreign = new StreamRecord(
    3,
    fields.map((text) => Buffer.from(text, 'latin1')),
  )
  expect([foreign.offset, foreign.key, foreign.headers, foreign.value.length]).toEqual([3, '', {}, 0])
})
