/**
 * Frames: what is packed comes back, wherever reading begins, and bytes that are no frame are said to be none.
 */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameError, FramePacker, FrameReader } from '#infra/embedded/frame.ts'
import type { NewRecord, StoredRecord } from '#processors/ports/event-log.ts'
import { content, records } from '#test/contracts/records.ts'

const someText = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.string({ maxLength: 400 }))
const someRecord: fc.Arbitrary<NewRecord> = fc.record({
  key: someText,
  headers: fc.dictionary(
    fc.oneof(fc.constantFrom('ce_id', 'ce_type', 'traceparent', '__proto__', 'constructor', ''), fc.string()),
    someText,
    { noNullPrototype: true },
  ),
  value: fc.uint8Array({ maxLength: 300 }),
})

function packed(given: readonly NewRecord[]): { base: number; bytes: Uint8Array }[] {
  const packer = new FramePacker()
  for (const record of given) packer.add(record)
  return packer.frames().map(({ first, bytes }) => ({ base: first, bytes: new Uint8Array(bytes) }))
}

function unpacked(frames: readonly { base: number; bytes: Uint8Array }[], from = 0): StoredRecord[] {
  return frames.flatMap(({ base, bytes }) => {
    const reader = new FrameReader(base, bytes)
    reader.skipTo(from)
    const stored: StoredRecord[] = []
    while (!reader.done) stored.push(reader.next())
    return stored
  })
}

describe('frames', () => {
  test('give back any records, from any offset on', () => {
    fc.assert(
      fc.property(fc.array(someRecord, { maxLength: 20 }), fc.nat(20), (given, from) => {
        const stored = unpacked(packed(given), from)
        expect(stored.map(({ offset }) => offset)).toEqual(given.map((_, i) => i).slice(from))
        expect(stored.map(content)).toEqual(given.slice(from).map(content))
      }),
    )
  })

  test('hold at most 512 records or about 256 KiB each', () => {
    const many = packed(records(1300, 'a'))
    expect(many.map(({ base }) => base)).toEqual([0, 512, 1024])
    const large = packed(records(20, 'a', 100_000))
    expect(large.length).toBe(7)
    expect(unpacked(large).length).toBe(20)
  })

  test('give back a record of many headers, and the small ones around it', () => {
    const headers = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`name-${n}`, `value ${n}`]))
    const given = [...records(1, 'before'), { key: 'k', headers, value: Buffer.from('v') }, ...records(1, 'after')]
    expect(unpacked(packed(given)).map(content)).toEqual(given.map(content))
  })

  test('are packed anew after a clear', () => {
    const packer = new FramePacker()
    for (const record of records(600, 'first', 3000)) packer.add(record)
    packer.clear()
    expect(packer.frames()).toEqual([])
    const [one] = records(1, 'second') as [NewRecord]
    packer.add(one)
    const [frame] = packer.frames()
    expect(unpacked([{ base: 7, bytes: frame?.bytes ?? new Uint8Array() }]).map(content)).toEqual([content(one)])
  })

  test('write lone surrogates as U+FFFD, and the rest of the record stays in place', () => {
    const given: NewRecord = { key: 'k\ud800', headers: { ce_id: 'x\udc00', a: 'b' }, value: Buffer.from('v') }
    const [stored] = unpacked(packed([given]))
    expect(stored?.key).toBe('k\ufffd')
    expect(stored?.headers).toEqual({ ce_id: 'x\ufffd', a: 'b' })
    expect(Buffer.from(stored?.value ?? []).toString()).toBe('v')
  })

  test('that speak of more headers than there are bytes throw a FrameError', () => {
    const record = Buffer.from([13, 0, 0, 0, 5, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 1, 2, 3, 4])
    const stored = new FrameReader(0, record).next()
    expect(() => stored.headers).toThrow(FrameError)
  })

  test('that are none throw a FrameError, and reading ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const reader = new FrameReader(0, bytes)
        try {
          while (!reader.done) reader.next()
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      }),
    )
  })
})
