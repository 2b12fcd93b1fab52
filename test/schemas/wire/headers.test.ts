/** Envelopes as headers, and headers that are no envelope. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Envelope } from '#schemas/event.ts'
import { chainOf, fromHeaders, isEnvelope, toHeaders } from '#schemas/wire/headers.ts'
import { anyText } from '#test/schemas/any-event.ts'

const envelope: Envelope = {
  id: '0198-id',
  type: 'run.started',
  source: '/lattice/worker/1',
  subject: 'run-1',
  time: '2026-11-21T08:00:00.000Z',
}
const headers = toHeaders({ ...envelope, chain: { run: 'run-1', seq: 3, prev: 'before' } })

const someText = anyText.filter((text) => text !== '')
const anyChain = fc.oneof(
  fc.record({ run: someText, seq: fc.constantFrom(0, -1), prev: fc.constant('') }, { noNullPrototype: true }),
  fc.record(
    { run: someText, seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), prev: someText },
    { noNullPrototype: true },
  ),
)
const anyEnvelope = fc.record(
  {
    id: someText,
    type: someText,
    source: someText,
    subject: someText,
    time: fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') })
      .map((date) => date.toISOString()),
    chain: anyChain,
    traceparent: someText,
    causationId: someText,
    correlationId: someText,
    interactive: fc.constant(true as const),
  },
  { requiredKeys: ['id', 'type', 'source', 'subject', 'time'], noNullPrototype: true },
)

test('an envelope is read as it was written', () => {
  fc.assert(
    fc.property(anyEnvelope, (envelope) => {
      expect(fromHeaders(toHeaders(envelope))).toStrictEqual(envelope)
    }),
  )
})

test('names and values are printable ASCII without spaces, whatever the envelope', () => {
  fc.assert(
    fc.property(anyEnvelope, fc.string({ unit: 'binary', minLength: 1 }), (envelope, subject) => {
      for (const [name, value] of Object.entries(toHeaders({ ...envelope, subject }))) {
        expect(name).toMatch(/^[a-z_-]+$/)
        expect(value).toMatch(/^[\x21-\x7e]*$/)
      }
    }),
  )
})

test('names are those of the CloudEvents Kafka binding', () => {
  expect(headers).toEqual({
    ce_specversion: '1.0',
    ce_id: '0198-id',
    ce_type: 'run.started',
    ce_source: '/lattice/worker/1',
    ce_subject: 'run-1',
    ce_time: '2026-11-21T08:00:00.000Z',
    'content-type': 'application/avro',
    ce_run: 'run-1',
    ce_seq: '3',
    ce_prev: 'before',
  })
})

test('values are percent-encoded as CloudEvents says', () => {
  expect(toHeaders({ ...envelope, subject: 'Euro € "100%" 😀' })['ce_subject']).toBe(
    'Euro%20%E2%82%AC%20%22100%25%22%20%F0%9F%98%80',
  )
})

test('the chain is read without the rest', () => {
  expect(chainOf(headers)).toEqual({ run: 'run-1', seq: 3, prev: 'before' })
  expect(chainOf({ ce_run: 'r', ce_seq: '0' })).toEqual({ run: 'r', seq: 0, prev: '' })
  expect(chainOf({ ce_run: 'r', ce_seq: '-1' })).toEqual({ run: 'r', seq: -1, prev: '' })
  expect(chainOf(toHeaders(envelope))).toBeUndefined()
})

test.for(['', ' 1', '1 ', '01', '1e3', '0x1', '-2', '1.5', 'NaN', 'Infinity', '-0', '9007199254740993'])(
  'a chain with seq %j is none, and its envelope neither',
  (seq) => {
    expect(chainOf({ ...headers, ce_seq: seq })).toBeUndefined()
    expect(fromHeaders({ ...headers, ce_seq: seq })).toBeUndefined()
  },
)

test('a chain that contradicts itself is none', () => {
  expect(chainOf({ ce_run: 'r', ce_seq: '0', ce_prev: 'x' })).toBeUndefined()
  expect(chainOf({ ce_run: 'r', ce_seq: '4' })).toBeUndefined()
  expect(chainOf({ ce_run: '', ce_seq: '0' })).toBeUndefined()
  expect(fromHeaders({ ...toHeaders(envelope), ce_prev: 'x' })).toBeUndefined()
})

test.for<[string, Record<string, string>]>([
  ['no headers', {}],
  ['another version', { ...headers, ce_specversion: '0.3' }],
  ['an empty id', { ...headers, ce_id: '' }],
  ['broken encoding', { ...headers, ce_subject: '%E0%A4%A' }],
  ['no time', { ...headers, ce_time: 'yesterday' }],
  ['an impossible time', { ...headers, ce_time: '2026-13-45T99:00:00Z' }],
  ['an impossible month', { ...headers, ce_time: '2026-13-01T00:00:00.000Z' }],
  ['an impossible day', { ...headers, ce_time: '2026-01-00T00:00:00.000Z' }],
  ['an impossible hour', { ...headers, ce_time: '2026-01-01T25:00:00.000Z' }],
  ['letters in its time', { ...headers, ce_time: '2026-01-01T00:00:00.0o0Z' }],
])('%s is no envelope', ([, foreign]) => {
  expect(fromHeaders(foreign)).toBeUndefined()
  expect(isEnvelope(foreign)).toBe(false)
})

test('headers are called an envelope exactly where one is read from them', () => {
  const spoilt = fc.oneof(fc.constantFrom('', '%', '%41', '-1', '0', '1', '2026-02-30T00:00:00.000Z'), fc.string())
  const noise = fc.dictionary(fc.constantFrom(...Object.keys(headers), 'traceparent'), spoilt, { maxKeys: 2 })
  fc.assert(
    fc.property(fc.oneof(anyEnvelope.map(toHeaders), fc.constant(headers)), noise, (given, spoilt) => {
      const found = { ...given, ...spoilt }
      expect(isEnvelope(found)).toBe(fromHeaders(found) !== undefined)
    }),
  )
})

test('no headers make it throw', () => {
  const names = fc.constantFrom(...Object.keys(headers), 'other')
  fc.assert(
    fc.property(fc.dictionary(names, fc.string({ unit: 'binary' })), (noise) => {
      fromHeaders({ ...headers, ...noise })
      fromHeaders(noise)
      chainOf(noise)
    }),
  )
})
