/** The checksum of record batches. Vectors: RFC 3720, B.4. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32c } from '#infra/kafka/crc32c.ts'

it.for([
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['rising', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['falling', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  ['digits', Buffer.from('123456789'), 0xe3069283],
] as const)('is the known one of %s', ([, bytes, checksum]) => {
  expect(crc32c(bytes)).toBe(checksum)
})

it('is the one of a bit by bit division, from any place to any other', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, from, to) => {
      const [start, end] = [Math.min(from, to, bytes.length), Math.min(Math.max(from, to), bytes.length)]
      let remainder = -1
      for (const byte of bytes.subarray(start, end)) {
        remainder ^= byte
        for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0)
      }
      expect(crc32c(bytes, start, end)).toBe(~remainder >>> 0)
    }),
  )
})
