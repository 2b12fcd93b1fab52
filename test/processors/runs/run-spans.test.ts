/** The spans of a run, from its events alone. */
import { expect, test } from 'vitest'
import { type RunEvent, runSpans } from '#processors/runs/run-spans.ts'
import { mostShown } from '#processors/runs/cut-text.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { happened } from './run-script.ts'

const { answered, attempted, completed, failed, judged, resumed, retrieved, started, submitted } = happened
const t0 = Date.parse('2026-11-21T08:00:00.000Z')
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** One event each 100 ms. */
function told(events: readonly AnyNewEvent[], caller?: string): RunEvent[] {
  return events.map((event, index) => ({
    ...event,
    time: new Date(t0 + index * 100).toISOString(),
    ...(index === 0 && caller !== undefined ? { traceparent: caller } : {}),
  })) as RunEvent[]
}

const whole = [
  submitted({ validator: 'v', traceId: 'session 7' }),
  started(),
  retrieved(30),
  attempted(1),
  failed(1, { durationMs: 90 }),
  attempted(2),
  answered(2, { durationMs: 80, content: 'no' }),
  judged(2, false),
  attempted(3),
  answered(3, { durationMs: 70, content: 'yes' }),
  judged(3, true),
  completed('accepted', 3),
]

test('one tree: the run below its caller, everything else below the run', () => {
  const [root, ...children] = runSpans(told(whole, traceparent))
  expect(root).toMatchObject({ name: 'run task', parentSpanId: '00f067aa0ba902b7', status: { is: 'ok' } })
  expect(children.map(({ name }) => name)).toEqual(['retrieval', 'chat m', 'chat m', 'chat m', 'validate', 'validate'])
  for (const { traceId, parentSpanId } of children) {
    expect([traceId, parentSpanId]).toEqual(['4bf92f3577b34da6a3ce929d0e0e4736', root?.spanId])
  }
  expect(new Set([root, ...children].map((span) => span?.spanId)).size).toBe(7)
  expect(root?.attributes).toMatchObject({ 'session.id': 'session 7', 'output.value': 'yes', 'lattice.attempts': 3 })
})

test('the same events make the same spans', () => {
  expect(runSpans(told(whole))).toEqual(runSpans(told(whole)))
})

test('an attempt says how it ended: failed, rejected with a warning, or accepted', () => {
  const attempts = runSpans(told(whole)).filter(({ name }) => name === 'chat m')
  expect(attempts.map(({ status, attributes }) => [status.is, attributes['langfuse.observation.level']])).toEqual([
    ['error', 'ERROR'],
    ['unset', 'WARNING'],
    ['ok', 'DEFAULT'],
  ])
  const outputs = attempts.map(({ attributes }) => JSON.parse(String(attributes['output.value'])) as unknown)
  expect(outputs).toEqual([
    { verdict: null, raw: '', error: { code: 'overloaded', message: 'it is overloaded' } },
    { verdict: { passed: false, findings: [] }, raw: {}, error: null },
    { verdict: { passed: true, findings: [] }, raw: {}, error: null },
  ])
  const inputs = attempts.map(({ attributes }) => JSON.parse(String(attributes['input.value'])) as unknown)
  expect(inputs).toMatchObject([{ iteration: 0 }, { iteration: 0 }, { iteration: 1 }])
})

test('a span ends when its event was written and lasted what was measured; the run spans them all', () => {
  const [root, retrieval, first] = runSpans(told(whole))
  expect([retrieval?.startMs, retrieval?.endMs]).toEqual([t0 + 170, t0 + 200])
  expect([first?.startMs, first?.endMs]).toEqual([t0 + 310, t0 + 400])
  expect([root?.startMs, root?.endMs]).toEqual([t0, t0 + 1100])
})

test('a call that died with its owner lasts from its beginning until that was noticed', () => {
  const lost = [
    submitted(),
    started(),
    attempted(1),
    resumed(),
    failed(1, { code: 'lost', durationMs: 0 }),
    completed('failed'),
  ]
  const attempt = runSpans(told(lost)).find(({ name }) => name === 'chat m')
  expect([attempt?.startMs, attempt?.endMs]).toEqual([t0 + 200, t0 + 400])
  expect(attempt?.status).toEqual({ is: 'error', message: 'lost: it is overloaded' })
})

test('accepted without the verdict that proves it is an error, as in every store', () => {
  const unproven = [submitted({ validator: 'v' }), started(), attempted(1), answered(1), completed('accepted', 1)]
  expect(runSpans(told(unproven))[0]?.status).toEqual({ is: 'error', message: 'failed: unproven' })
})

test('what is long is cut, with a mark, and stays JSON', () => {
  const long = 'ä'.repeat(3 * mostShown)
  const events = [submitted(), started(), attempted(1), answered(1, { content: long }), completed('accepted', 1)]
  const [, , , answer] = events
  const raw = told(
    events.map((event) =>
      event === answer ? { ...event, data: { ...event.data, raw: long } } : event,
    ) as AnyNewEvent[],
  )
  const spans = runSpans(raw)
  const output = JSON.parse(String(spans[1]?.attributes['output.value'])) as { raw: string }
  expect(output.raw).toContain(`[cut: ${mostShown} of ${long.length} characters`)
  for (const { attributes } of spans) {
    for (const value of Object.values(attributes)) expect(String(value).length).toBeLessThan(2 * mostShown)
  }
})

test('a trace that its caller does not record has no spans', () => {
  expect(runSpans(told(whole, traceparent.replace(/01$/, '00')))).toEqual([])
  expect(runSpans([])).toEqual([])
  expect(runSpans(told(whole.slice(1)))).toEqual([])
})
