/** Bodies: what is parsed is what was sent, and what is refused is refused before it costs anything. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJson } from '#api/http/read-json.ts'
import { isFailure } from '#processors/ports/failure.ts'

const read = (text: string): unknown => readJson(Buffer.from(text))

function refused(text: string): boolean {
  try {
    read(text)
    return false
  } catch (error) {
    if (isFailure(error, 'request.invalid')) return true
    throw error
  }
}

/** Whether any text in it, a key too, can't be held. */
function isBad(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed()
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, part]) => isBad(key) || key === '__proto__' || isBad(part))
}

test('any JSON is what it says, but for text that no store can hold', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.constantFrom('__proto__', '\ud800', 'a\0', '"\\', '😀'),
  )
  const values = fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 })
  const bodies = fc.oneof(values, fc.dictionary(texts, values), fc.array(texts))
  fc.assert(
    fc.property(bodies, fc.boolean(), (value, pretty) => {
      const text = JSON.stringify(value, undefined, pretty ? 2 : undefined)
      if (isBad(value)) expect(refused(text)).toBe(true)
      else expect(read(text)).toEqual(JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

test('any bytes are JSON or refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        try {
          readJson(Buffer.from(bytes))
        } catch (error) {
          if (!isFailure(error, 'request.invalid')) throw error
          expect(error.message.length).toBeLessThan(100)
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('brackets, commas and quotes in a text count for nothing', () => {
  const text = '[{,}]"\\'.repeat(100_000)
  expect(read(JSON.stringify({ text }))).toEqual({ text })
})

test('what is refused for its size is refused in time that grows with it alone', () => {
  for (const text of [
    '['.repeat(16_000_000),
    '[' + '1,'.repeat(8_000_000),
    `{"a":"${'\\'.repeat(16_000_000)}`,
    `"${'\\"'.repeat(8_000_000)}`,
  ]) {
    // Of the processor: by the clock a busy machine takes longer for anything.
    const before = process.cpuUsage()
    expect(refused(text)).toBe(true)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(5_000)
  }
})
