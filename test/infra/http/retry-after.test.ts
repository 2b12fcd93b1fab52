/** What a server may say about waiting, and what we make of it. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryAfterMs } from '#infra/http/retry-after.ts'

const now = Date.UTC(2026, 10, 21, 12, 0, 0)

test.for([
  [{ 'retry-after': '7' }, 7000],
  [{ 'retry-after': ' 1.5 ' }, 1500],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': 'Sat, 21 Nov 2026 12:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Saturday, 21-Nov-26 12:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Sat, 21 Nov 2026 11:59:00 GMT' }, 0],
  [{ 'retry-after': ['3', '9'] }, 3000],
  [{ 'retry-after-ms': '250' }, 250],
  [{ 'retry-after-ms': '0.4' }, 1],
  [{ 'retry-after-ms': 'soon', 'retry-after': '2' }, 2000],
  [{ 'retry-after': '999999999' }, 86_400_000],
  [{ 'retry-after': '-5' }, undefined],
  [{ 'retry-after': '1e3' }, undefined],
  [{ 'retry-after': '0x10' }, undefined],
  [{ 'retry-after': 'NaN' }, undefined],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'retry-after': 'Sat, nonsense' }, undefined],
  [{ 'retry-after': '' }, undefined],
  [{}, undefined],
] as const)('%j is %s ms', ([headers, ms]) => {
  const given = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  )
  expect(retryAfterMs(given, undefined, now)).toBe(ms)
})

test('a body that says how long is heard when no header does', () => {
  expect(retryAfterMs({}, '23s', now)).toBe(23_000)
  expect(retryAfterMs({}, '0.5s', now)).toBe(500)
  expect(retryAfterMs({ 'retry-after': '1' }, '23s', now)).toBe(1000)
  for (const odd of ['23', 's', {}, 5, null, '1h']) expect(retryAfterMs({}, odd, now)).toBeUndefined()
})

test('any header gives nothing or a whole number of milliseconds up to a day', () => {
  const value = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    fc.array(fc.string()),
  )
  const headers = fc.record({ 'retry-after': value, 'retry-after-ms': value }, { requiredKeys: [] })
  fc.assert(
    fc.property(headers, fc.anything(), (given, body) => {
      const ms = retryAfterMs(given, body, now)
      if (ms === undefined) return
      expect(Number.isInteger(ms) && ms >= 0 && ms <= 86_400_000).toBe(true)
    }),
    { numRuns: 2000 },
  )
})
