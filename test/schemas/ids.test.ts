/** Ids made of what they name. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { nameId, sha256 } from '#schemas/ids.ts'

test('the same parts give the same id for ever, a UUID of version 8', () => {
  expect(nameId('document', 'folder', 'README.md')).toBe(nameId('document', 'folder', 'README.md'))
  expect(nameId('a')).toBe('836501e6-9990-883d-868e-d21dd9ddc674')
  fc.assert(
    fc.property(fc.array(fc.string()), (parts) => {
      expect(nameId(...parts)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }),
  )
})

test('where a part ends is part of the name', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (one, other) => {
      expect(nameId(...one) === nameId(...other)).toBe(JSON.stringify(one) === JSON.stringify(other))
    }),
  )
  expect(nameId('ab', 'c')).not.toBe(nameId('a', 'bc'))
})

test('text is hashed as UTF-8', () => {
  expect(sha256('é')).toBe(sha256(Buffer.from('é', 'utf8')))
  expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})
