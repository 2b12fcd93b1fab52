/** Record batches: ours and kafkajs' are one format, and a damaged or gapped one is never read as a shorter one. */
import { createRequire } from 'node:module'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '#infra/kafka/crc32c.ts'
import { DamagedBatch, OffsetGap, decodeBatches, encodeBatch, endOfBatches } from '#infra/kafka/record-batch.ts'
import { content, record, records } from '#test/contracts/records.ts'
import type { NewRecord } from '#processors/ports/event-log.ts'

const stamp = { producerId: 2 ** 40 + 3, producerEpoch: 7, sequence: 2 ** 31 - 1, timestampMs: 1_795_250_844_496 }
const anyRecords: fc.Arbitrary<NewRecord[]> = fc.array(
  fc.record({
    key: fc.string({ unit: 'grapheme', maxLength: 90 }),
    headers: fc.dictionary(fc.string({ maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 200 })),
    value: fc.oneof(
      fc.uint8Array(),
      fc.nat(40_000).map((size) => new Uint8Array(size)),
    ),
  }),
  { minLength: 1, maxLength: 20 },
)

/** As it stands in a log: the broker fills in the first offset, which the checksum leaves out. */
function at(offset: number, batch: Buffer): Buffer {
  const stored = Buffer.from(batch)
  stored.writeBigInt64BE(BigInt(offset), 0)
  return stored
}

describe('record batch', () => {
  it('any records come back as they were, at their offsets', () => {
    fc.assert(
      fc.property(anyRecords, fc.nat(2 ** 45), (written, offset) => {
        const wellFormed = written.map((one) => content(one))
        const read = decodeBatches(at(offset, encodeBatch(written, stamp)), offset)
        expect(read.map((one) => one.offset)).toEqual(written.map((_, i) => offset + i))
        expect(read.map(content)).toEqual(wellFormed)
      }),
    )
  })

  it('keeps a header that is called __proto__', () => {
    const written = { key: 'k', headers: Object.fromEntries([['__proto__', 'kept']]), value: Buffer.from('v') }
    const [read] = decodeBatches(encodeBatch([written], stamp), 0)
    expect(Object.entries(read?.headers ?? {})).toEqual([['__proto__', 'kept']])
  })

  it('begins at the offset asked for, inside a batch or after several', () => {
    const [first, second] = [records(5, 'a'), records(3, 'b')]
    const bytes = Buffer.concat([at(10, encodeBatch(first, stamp)), at(15, encodeBatch(second, stamp))])
    for (let from = 10; from < 18; from += 1) {
      expect(decodeBatches(bytes, from).map(({ offset }) => offset)).toEqual(
        [10, 11, 12, 13, 14, 15, 16, 17].slice(from - 10),
      )
    }
    expect(decodeBatches(bytes, 18)).toEqual([])
    expect(endOfBatches(bytes)).toBe(18)
  })

  it('leaves out a batch that a fetch has cut', () => {
    const whole = at(0, encodeBatch(records(4, 'a'), stamp))
    const cut = at(4, encodeBatch(records(4, 'b'), stamp))
    for (const length of [0, 5, 40, 60, 61, cut.length - 1]) {
      const bytes = Buffer.concat([whole, cut.subarray(0, length)])
      expect(decodeBatches(bytes, 0).length).toBe(4)
      expect(endOfBatches(bytes)).toBe(4)
    }
    expect(endOfBatches(cut.subarray(0, 30))).toBeUndefined()
  })

  it('any flipped bit after the checksum is damage, and says so', () => {
    const batch = encodeBatch(records(3, 'a'), stamp)
    fc.assert(
      fc.property(fc.integer({ min: 21, max: batch.length - 1 }), fc.nat(7), (byte, bit) => {
        const damaged = Buffer.from(batch)
        damaged[byte] = (damaged[byte] as number) ^ (1 << bit)
        expect(() => decodeBatches(damaged, 0)).toThrow(DamagedBatch)
      }),
    )
  })

  it('an older format is damage, not silence', () => {
    const batch = Buffer.from(encodeBatch(records(1, 'a'), stamp))
    batch[16] = 1
    expect(() => decodeBatches(batch, 0)).toThrow(DamagedBatch)
  })

  it('a batch that begins later, and one that was compacted, is a gap', () => {
    const batch = encodeBatch(records(3, 'a'), stamp)
    expect(() => decodeBatches(at(7, batch), 6)).toThrow(OffsetGap)
    const compacted = Buffer.from(batch)
    compacted.writeInt32BE(4, 23)
    compacted.writeUInt32BE(crc32c(compacted, 21), 17)
    expect(() => decodeBatches(compacted, 0)).toThrow(OffsetGap)
    const control = Buffer.from(batch)
    control.writeInt16BE(0x30, 21)
    control.writeUInt32BE(crc32c(control, 21), 17)
    expect(() => decodeBatches(control, 0)).toThrow(OffsetGap)
  })

  it.for([
    ['gzip', 1, gzipSync],
    ['zstd', 4, zstdCompressSync],
  ] as const)('reads what a foreign producer compressed with %s', ([, code, compress]) => {
    const written = records(30, 'a', 300)
    expect(decodeBatches(compressed(encodeBatch(written, stamp), { code, compress }), 0).map(content)).toEqual(
      written.map(content),
    )
  })

  it('names a compression it cannot read', () => {
    const snappy = compressed(encodeBatch(records(2, 'a'), stamp), { code: 2, compress: (bytes) => Buffer.from(bytes) })
    expect(() => decodeBatches(snappy, 0)).toThrow(/snappy/)
  })

  it('is what kafkajs reads', async () => {
    const written = [...records(3, 'a'), record('schlüssel', 'wert', { note: 'grüße' })]
    const read = await kafkaJsDecode(new KafkaJsDecoder(encodeBatch(written, stamp)))
    expect(read).toMatchObject({
      producerId: String(stamp.producerId),
      producerEpoch: 7,
      firstSequence: stamp.sequence,
    })
    const asOurs = read.records.map(({ key, value, headers }) => ({
      key: key.toString(),
      value: value.toString('base64'),
      headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, text.toString()])),
    }))
    expect(asOurs).toEqual(written.map(content))
  })
})

function compressed(
  batch: Buffer,
  options: { readonly code: number; readonly compress: (bytes: Buffer) => Buffer },
): Buffer {
  const bytes = Buffer.concat([batch.subarray(0, 61), options.compress(batch.subarray(61))])
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt16BE(options.code, 21)
  bytes.writeUInt32BE(crc32c(bytes, 21), 17)
  return bytes
}

const require = createRequire(import.meta.url)
const KafkaJsDecoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
const kafkaJsDecode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<{
  readonly records: readonly {
    readonly key: Buffer
    readonly value: Buffer
    readonly headers: Record<string, Buffer>
  }[]
}>
