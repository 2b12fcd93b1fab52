/** Sizes of records, and the limits of one append: by the byte. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type NewRecord, recordLimits } from '#processors/ports/event-log.ts'
import { areWithinLimits, sizeOf } from '#processors/ports/record-size.ts'

const recordOf = (key: string, bytes: number): NewRecord => ({ key, headers: {}, value: new Uint8Array(bytes) })

test('a size is the bytes of key, headers and value in UTF-8', () => {
  const headers = { ce_id: 'ä', 'x-€': '' }
  expect(sizeOf({ key: 'schlüssel', headers, value: new Uint8Array(7) })).toBe(10 + 5 + 2 + 5 + 7)
})

test('an append takes as much as the limits say and not a byte more, also in letters of several bytes', () => {
  const full = recordOf('', recordLimits.bytes - 300)
  expect(areWithinLimits([full, recordOf('€'.repeat(100), 0)])).toBe(true)
  expect(areWithinLimits([full, recordOf(`${'€'.repeat(100)}a`, 0)])).toBe(false)
  const small = recordOf('a', 1)
  expect(areWithinLimits(Array.from({ length: recordLimits.records }, () => small))).toBe(true)
  expect(areWithinLimits(Array.from({ length: recordLimits.records + 1 }, () => small))).toBe(false)
})

test('what is within the limits has a size within them, whatever its letters', () => {
  const record = fc.record({ key: fc.string({ unit: 'binary' }), bytes: fc.nat(recordLimits.bytes * 2) })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 3 }), (given) => {
      const records = given.map(({ key, bytes }) => recordOf(key, bytes))
      const bytes = records.reduce((sum, one) => sum + sizeOf(one), 0)
      expect(areWithinLimits(records)).toBe(bytes <= recordLimits.bytes)
    }),
    { numRuns: 30 },
  )
})
