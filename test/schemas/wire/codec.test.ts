/** The codec: whatever goes in comes out, and whatever comes in is a value or a named error. */
import avsc from 'avsc'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventTypes } from '#schemas/catalog.ts'
import type { EventType } from '#schemas/catalog.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec, schemaIdIn } from '#schemas/wire/codec.ts'
import { WireError } from '#schemas/wire/wire-error.ts'
import { anyDataOf, anyEvent, anyText } from '#test/schemas/any-event.ts'
import { sampleAnswer, sampleTask } from '#test/schemas/sample-data.ts'
import { failureOf } from './failure-of.ts'

const codec = await openCodec(catalogSchemaIds())
const started = { worker: 'one' }

const task = sampleTask()
const answer = sampleAnswer({ finishReason: 'stop', promptTokens: 4, durationMs: 1.5 })

function headOf(type: EventType): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(codec.schemaIdOf(type), 1)
  return head
}

describe('round trip', () => {
  test('every event of every type is read as it was written', () => {
    fc.assert(
      fc.property(anyEvent, ({ type, data }) => {
        expect(codec.decode(type, codec.encode(type, data))).toEqual(data)
      }),
      { numRuns: 1000 },
    )
  })

  test('the body is what plain avsc writes, but for longs that it writes inexactly', () => {
    const exact = (_: string, value: unknown) => (typeof value === 'number' && Math.abs(value) >= 2 ** 52 ? 1 : value)
    for (const type of eventTypes) {
      if (type === 'record.parked') continue // avsc itself takes Buffers alone
      const plain = avsc.Type.forSchema(JSON.parse(schemaVersions[type].at(-1) ?? '') as avsc.Schema)
      fc.assert(
        fc.property(anyDataOf(type), (any) => {
          const data = JSON.parse(JSON.stringify(any, exact)) as typeof any
          expect(codec.encode(type, data).subarray(5)).toEqual(plain.toBuffer(data))
        }),
        { numRuns: 20 },
      )
    }
  })

  test('records are plain objects', () => {
    const data = codec.decode('task.submitted', codec.encode('task.submitted', task))
    expect(data).toStrictEqual(task)
    expect(Object.getPrototypeOf(data.limits)).toBe(Object.prototype)
  })

  test('bytes are any Uint8Array and come back as a copy of their own', () => {
    const value = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4)
    const at = { topic: 'runs.v1', partition: 0, offset: 7, recordId: null, recordType: null, key: '', headers: {} }
    const parked = { ...at, by: 'lookup', version: 1, code: 'x', message: '', value }
    const bytes = codec.encode('record.parked', parked)
    const read = codec.decode('record.parked', bytes).value
    bytes.fill(0)
    expect([...read]).toEqual([1, 2, 3])
  })

  test('a map keeps every key, __proto__ too', () => {
    const tags = Object.fromEntries([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
    const read = codec.decode('task.submitted', codec.encode('task.submitted', { ...task, tags })).tags
    expect(Object.entries(read)).toEqual(Object.entries(tags))
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })

  test('text and keys with lone surrogates are made well formed', () => {
    const odd = { ...task, kind: 'a\ud800b', tags: { '\udc00': `${'x'.repeat(100)}\ud83d` } }
    const read = codec.decode('task.submitted', codec.encode('task.submitted', odd))
    expect(read.kind).toBe('a\ufffdb')
    expect(read.tags).toEqual({ '\ufffd': `${'x'.repeat(100)}\ufffd` })
  })

  test('a value stays as it is while others are written', () => {
    const texts = ['', 'a', 'b'.repeat(400), 'c'.repeat(20_000), 'd'.repeat(70_000), 'e'.repeat(3_000_000), 'f']
    const round = [...texts, ...texts, ...Array.from({ length: 500 }, (_, index) => `${index}`.repeat(100))]
    const values = round.map((worker) => codec.encode('run.started', { worker }))
    expect(values.map((value) => codec.decode('run.started', value).worker)).toEqual(round)
  })

  test('a value is read from any Uint8Array, not only from a Buffer', () => {
    const value = new Uint8Array(codec.encode('attempt.completed', answer))
    expect(codec.decode('attempt.completed', value)).toEqual(answer)
  })

  test('a value begins with 0 and the schema id, big-endian', () => {
    const value = codec.encode('run.started', started)
    expect(value[0]).toBe(0)
    expect(Buffer.from(value).readUInt32BE(1)).toBe(codec.schemaIdOf('run.started'))
    expect(schemaIdIn(value)).toBe(codec.schemaIdOf('run.started'))
    expect(schemaIdIn(Uint8Array.of(0, 255, 255, 255, 254))).toBe(0xfffffffe)
  })
})

describe('what does not fit', () => {
  test.for<[string, unknown, string]>([
    ['a fraction', { ...answer, attempt: 1.5 }, 'attempt.completed.attempt: int expected, number given'],
    [
      'a nested field',
      { ...answer, content: { sha256: 'a' } },
      'attempt.completed.content.sizeBytes: long expected, undefined given',
    ],
    [
      'an unsafe long',
      { ...answer, costMicroUsd: 2 ** 53 },
      'attempt.completed.costMicroUsd: long expected, number given',
    ],
    [
      'a wrong branch',
      { ...answer, requestId: 5 },
      'attempt.completed.requestId: null or string expected, number given',
    ],
    [
      'a missing field',
      { ...answer, raw: undefined },
      'attempt.completed.raw: string or record lattice.ObjectRef expected, undefined given',
    ],
    ['no data', null, 'attempt.completed: record lattice.runs.AttemptCompleted expected, null given'],
  ])('%s is refused by its path', ([, data, message]) => {
    const error = failureOf(() => codec.encode('attempt.completed', data as typeof answer))
    expect(error.code).toBe('invalid')
    expect(error.message).toBe(message)
  })

  test('an inherited property name is no enum symbol', () => {
    const done = { outcome: 'constructor' as 'accepted', reason: null, attempt: null, attempts: 0, durationMs: 0 }
    expect(failureOf(() => codec.encode('run.completed', done)).message).toBe(
      'run.completed.outcome: enum lattice.runs.Outcome expected, string given',
    )
  })

  test('the error carries no value', () => {
    const error = failureOf(() => codec.encode('run.started', { worker: ['sk-secret'] as unknown as string }))
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain('secret')
  })

  test('after a refusal the next value is right', () => {
    expect(failureOf(() => codec.encode('run.started', {} as { worker: string })).code).toBe('invalid')
    expect(codec.decode('run.started', codec.encode('run.started', started))).toEqual(started)
  })
})

describe('bytes from anywhere', () => {
  test('every truncation and every addition is undecodable', () => {
    const value = codec.encode('task.submitted', task)
    for (let length = 0; length < value.length; length++) {
      expect(failureOf(() => codec.decode('task.submitted', value.subarray(0, length))).code).toBe('undecodable')
    }
    const longer = Buffer.concat([value, Uint8Array.of(0)])
    expect(failureOf(() => codec.decode('task.submitted', longer)).message).toContain('trailing bytes')
  })

  test('noise is a value or undecodable, never another error', () => {
    fc.assert(
      fc.property(fc.constantFrom(...eventTypes), fc.uint8Array({ maxLength: 200 }), (type, noise) => {
        try {
          codec.decode(type, Buffer.concat([headOf(type), noise]))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
          expect((error as WireError).code).toBe('undecodable')
        }
      }),
      { numRuns: 3000 },
    )
  })

  test('a value with bytes changed is a value of its type or undecodable', () => {
    const changes = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(anyEvent, changes, ({ type, data }, changed) => {
        const value = Buffer.from(codec.encode(type, data))
        for (const [at, byte] of changed) value[5 + (at % (value.length - 5))] = byte
        try {
          const read = codec.decode(type, value)
          expect(() => codec.encode(type, read)).not.toThrow()
        } catch (error) {
          expect((error as WireError).code).toBe('undecodable')
        }
      }),
      { numRuns: 3000 },
    )
  })

  test.for<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['JSON', Buffer.from('{"worker":"one"}')],
    ['another first byte', Uint8Array.of(1, 0, 0, 0, 1, 0)],
  ])('%s is not in the wire format', ([, value]) => {
    expect(failureOf(() => codec.decode('run.started', value)).message).toBe('not in the Confluent wire format')
  })

  test('an event type nobody knows is undecodable', () => {
    expect(failureOf(() => codec.decode('no.such' as EventType, codec.encode('run.started', started))).code).toBe(
      'undecodable',
    )
  })

  test('text that is not UTF-8 is undecodable, a real replacement character is not', () => {
    const bad = Buffer.concat([headOf('run.started'), Uint8Array.of(4, 0xc3, 0x28)])
    expect(failureOf(() => codec.decode('run.started', bad)).message).toContain('text is not UTF-8')
    const worker = 'a\ufffd'
    expect(codec.decode('run.started', codec.encode('run.started', { worker }))).toEqual({ worker })
  })

  test('an int of more than 32 bits and a long beyond the safe ones are undecodable', () => {
    const tenBytes = Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
    const int = Buffer.concat([headOf('attempt.completed'), tenBytes, Buffer.alloc(40)])
    expect(failureOf(() => codec.decode('attempt.completed', int)).message).toContain('32 bits')
    const long = Buffer.concat([headOf('run.expired'), tenBytes])
    expect(failureOf(() => codec.decode('run.expired', long)).code).toBe('undecodable')
  })

  test('8 MiB that claim 2³¹ items fail at once and build nothing', () => {
    const count = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10) // zigzag of 2³¹
    const block = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0x00) // −2³¹, then a size
    for (const claim of [count, block]) {
      const value = Buffer.concat([
        headOf('retrieval.completed'),
        Uint8Array.of(0, 2, 0x61),
        claim,
        Buffer.alloc(8 * 1024 * 1024),
      ])
      const heap = process.memoryUsage().heapUsed
      const began = performance.now()
      expect(failureOf(() => codec.decode('retrieval.completed', value)).code).toBe('undecodable')
      expect(performance.now() - began).toBeLessThan(200)
      expect(process.memoryUsage().heapUsed - heap).toBeLessThan(20_000_000)
    }
  })

  test('8 MiB of continuation bits fail at once', () => {
    const value = Buffer.concat([headOf('retrieval.completed'), Buffer.alloc(8 * 1024 * 1024, 0xff)])
    const began = performance.now()
    expect(failureOf(() => codec.decode('retrieval.completed', value)).code).toBe('undecodable')
    expect(performance.now() - began).toBeLessThan(500)
  })
})

test('text of any kind survives', () => {
  fc.assert(
    fc.property(anyText, (worker) => {
      expect(codec.decode('run.started', codec.encode('run.started', { worker }))).toEqual({ worker })
    }),
  )
})
