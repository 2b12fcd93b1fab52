/** The trace of a run, from what its caller gave and what is on the log. */
import { describe, expect, test } from 'vitest'
import { traceContextOf, traceparentAt } from '#processors/runs/trace-context.ts'
import { sampleTask } from '#test/schemas/sample-data.ts'

const runId = '0198c2b4-7f00-7000-8000-0123456789ab'
const given = '0AF7651916CD43DD8448EB211C80319C'
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

describe('the trace id', () => {
  test('is the caller’s own where that is 32 hex digits, in lower case', () => {
    expect(traceContextOf({ runId, traceId: given })).toEqual({ traceId: given.toLowerCase(), flags: '01' })
  })

  test('is made of any other text, always the same', () => {
    // printf 'session 7 ä' | sha256sum
    expect(traceContextOf({ runId, traceId: 'session 7 ä' }).traceId).toBe('5de6b36c5ba0ed5cdb0176b0a0a635e0')
    expect(traceContextOf({ runId, traceId: '0'.repeat(32) }).traceId).toMatch(/[1-9a-f]/)
  })

  test('is the run’s own where the caller gave none', () => {
    expect(traceContextOf({ runId, traceId: null }).traceId).toBe(runId.replaceAll('-', ''))
  })

  test('of traceparent wins, with its span as the parent and its flags', () => {
    expect(traceContextOf({ runId, traceId: given, traceparent })).toEqual({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      parentSpanId: '00f067aa0ba902b7',
      flags: '01',
    })
    expect(traceContextOf({ runId, traceId: null, traceparent: traceparent.replace(/01$/, '00') }).flags).toBe('00')
  })

  test.each([
    '',
    'x',
    traceparent.toUpperCase(),
    `ff${traceparent.slice(2)}`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  ])('of %j, which is no traceparent, does not count', (malformed) => {
    expect(traceContextOf({ runId, traceId: given, traceparent: malformed }).traceId).toBe(given.toLowerCase())
  })
})

test('each attempt has a traceparent of its own, the rest of the run has one', () => {
  const run = { runId, spec: sampleTask({ traceId: given }) }
  const all = [traceparentAt(run), traceparentAt(run, 1), traceparentAt(run, 2)]
  expect(new Set(all).size).toBe(3)
  expect(all).toEqual([traceparentAt(run), traceparentAt(run, 1), traceparentAt(run, 2)])
  for (const one of all) expect(one).toMatch(new RegExp(`^00-${given.toLowerCase()}-[0-9a-f]{16}-01$`))
})
