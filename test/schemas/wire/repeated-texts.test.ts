/** Texts found again by their bytes: never another text than the bytes say. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRepeatedTexts } from '#schemas/wire/repeated-texts.ts'

test('what is found is what the bytes say, whatever was kept before', () => {
  const alike = fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\u007f', 'é', '😀'), maxLength: 6 })
  fc.assert(
    fc.property(fc.array(alike, { maxLength: 60 }), (texts) => {
      const repeated = createRepeatedTexts()
      for (const text of texts) {
        const bytes = Buffer.from(`before${text}after`)
        const end = bytes.length - 'after'.length
        expect(repeated.find(bytes, 6, end) ?? text).toBe(text)
        repeated.keep(bytes, 6, end, text)
      }
    }),
  )
})

test('bytes that are no UTF-8 are never found, whatever was made of them', () => {
  const repeated = createRepeatedTexts()
  for (const bytes of [Buffer.from([0xe9]), Buffer.from([0xe9, 0x61]), Buffer.from([0x61, 0xff])]) {
    repeated.keep(bytes, 0, bytes.length, bytes.toString())
    expect(repeated.find(bytes, 0, bytes.length)).toBeUndefined()
  }
  repeated.keep(Buffer.from('é'), 0, 2, 'é')
  expect(repeated.find(Buffer.from([0xe9]), 0, 1)).toBeUndefined()
})

test('a short text is one string from its second time on', () => {
  const repeated = createRepeatedTexts()
  const bytes = Buffer.from('ollama')
  expect(repeated.find(bytes, 0, 6)).toBeUndefined()
  repeated.keep(bytes, 0, 6, 'ollama')
  expect(repeated.find(bytes, 0, 6)).toBe('ollama')
  expect(repeated.find(bytes, 0, 5)).toBeUndefined()
})

test('a long text is not kept', () => {
  const repeated = createRepeatedTexts()
  const bytes = Buffer.from('x'.repeat(40))
  repeated.keep(bytes, 0, 40, 'x'.repeat(40))
  expect(repeated.find(bytes, 0, 40)).toBeUndefined()
})
