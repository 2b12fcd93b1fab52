/** What a caller gave, in a message. */
import { expect, test } from 'vitest'
import { quoted } from '#processors/ports/quoted.ts'

test('is as it was, in quotes', () => {
  expect(quoted('run-1')).toBe('"run-1"')
  expect(quoted('Grüße')).toBe('"Grüße"')
})

test('is bounded', () => {
  expect(quoted('x'.repeat(1_000)).length).toBeLessThan(80)
  expect(quoted('\u0000'.repeat(1_000)).length).toBeLessThan(500)
})

test('holds nothing that acts on a terminal, a line or the direction of a text', () => {
  const given = '"\u001b[31m\r\n\u007f\u009b\u2028\u202e\ud800'
  expect(quoted(given)).toMatch(/^"[\x20-\x7e\ufffd]*"$/)
  expect(JSON.parse(quoted(given))).toBe(given.toWellFormed())
})
