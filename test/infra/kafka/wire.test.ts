/** The primitive types of the protocol: what is written is read back, and a cut message is an error. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireReader, WireWriter, varintWidth } from '#infra/kafka/wire.ts'

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
const field = fc.oneof(
  fc.record({ type: fc.constant('int8' as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ type: fc.constant('int16' as const), value: fc.integer({ min: -32768, max: 32767 }) }),
  fc.record({ type: fc.constant('int32' as const), value: int32 }),
  fc.record({ type: fc.constant('varint' as const), value: int32 }),
  fc.record({ type: fc.constant('uvarint' as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ type: fc.constant('int64' as const), value: fc.maxSafeInteger() }),
)
const text = fc.string({ unit: 'grapheme', maxLength: 400 })

describe('wire', () => {
  it('reads back any row of numbers, however small the buffer began', () => {
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const wire = new WireWriter(1)
        for (const { type, value } of fields) wire[type](value)
        const reader = new WireReader(wire.written)
        expect(fields.map(({ type }) => reader[type]())).toEqual(fields.map(({ value }) => value))
        expect(reader.at).toBe(wire.length)
      }),
    )
  })

  it('reads back strings of any letters and length', () => {
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        const wire = new WireWriter(1)
        for (const one of texts) {
          wire.compactString(one)
          wire.varintString(one)
        }
        const reader = new WireReader(wire.written)
        for (const one of texts) {
          expect(reader.compactString()).toBe(one.toWellFormed())
          expect(reader.utf8(reader.varint())).toBe(one.toWellFormed())
        }
      }),
    )
  })

  it('puts a length before what was written after it, also when it needs more or less room than was kept', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.nat(70_000), (reserved, size) => {
        const body = Buffer.alloc(size, 'abc')
        const wire = new WireWriter(1)
        wire.int8(7)
        const at = wire.reserve(reserved)
        wire.raw(body)
        wire.patchLength(at, reserved)
        wire.int8(9)
        const reader = new WireReader(wire.written)
        expect(reader.int8()).toBe(7)
        expect(reader.varint()).toBe(size)
        expect(reader.at).toBe(1 + varintWidth(size))
        expect(reader.raw(size).equals(body)).toBe(true)
        expect(reader.int8()).toBe(9)
      }),
    )
  })

  it('says that a message is cut', () => {
    const wire = new WireWriter()
    wire.compactString('twelve bytes')
    wire.uvarint(300)
    for (let cut = 0; cut < wire.length; cut += 1) {
      const reader = new WireReader(wire.written.subarray(0, cut))
      expect(() => [reader.compactString(), reader.uvarint()]).toThrow(RangeError)
    }
    const endless = new WireReader(Buffer.alloc(12, 0xff))
    expect(() => endless.uvarint()).toThrow(RangeError)
    expect(() => new WireReader(Buffer.alloc(12, 0xff)).skipVarlong()).toThrow(RangeError)
  })
})
