/** Traces in a real Arize Phoenix, read back by its API: `npm run test:phoenix`. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { startTracedRuns, type TracedRuns } from './traced-runs.ts'

const phoenix = process.env['LATTICE_TEST_PHOENIX'] ?? ''
const project = `lattice-${process.pid}`
let traced: TracedRuns
beforeAll(async () => {
  traced = await startTracedRuns({
    OTEL_EXPORTER_OTLP_ENDPOINT: phoenix,
    OTEL_RESOURCE_ATTRIBUTES: `openinference.project.name=${project}`,
  })
})
afterAll(() => traced.close())

interface PhoenixSpan {
  readonly name: string
  readonly context: { readonly trace_id: string; readonly span_id: string }
  readonly span_kind: string
  readonly parent_id: string | null
  readonly start_time: string
  readonly end_time: string
  readonly status_code: string
  readonly status_message: string
  readonly attributes: Readonly<Record<string, unknown>>
}

async function spansOf(trace: string): Promise<readonly PhoenixSpan[]> {
  const response = await fetch(`${phoenix}/v1/projects/${project}/spans?limit=1000`)
  if (!response.ok) return []
  const { data } = (await response.json()) as { data: readonly PhoenixSpan[] }
  return data
    .filter(({ context }) => context.trace_id === trace)
    .sort((a, b) => Date.parse(a.start_time) - Date.parse(b.start_time))
}

const whole = (trace: string, spans: number): Promise<readonly PhoenixSpan[]> =>
  eventually(
    'Phoenix has the trace',
    async () => {
      const found = await spansOf(trace)
      return found.length >= spans ? found : undefined
    },
    { deadlineMs: 60_000, everyMs: 250 },
  )

test(
  'a run is one tree: its attempts with what was asked and answered, and how each ended',
  { timeout: 120_000 },
  async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
    const traceparent = `00-${trace}-00f067aa0ba902b7-01`
    const { runId, spanIds } = await traced.run({ traceparent, 'x-lakehouse-trace-id': 'session seven' })
    const spans = await whole(trace, 7)
    const root = spans.find(({ name }) => name === 'run task')
    expect(root).toMatchObject({
      parent_id: '00f067aa0ba902b7',
      span_kind: 'CHAIN',
      status_code: 'OK',
      attributes: {
        'session.id': 'session seven',
        'lattice.run_id': runId,
        'lattice.outcome': 'accepted',
        'lattice.attempts': 3,
        'output.value': '{"sorted":"by colour"}',
      },
    })
    const below = spans.filter((span) => span !== root)
    for (const { parent_id } of below) expect(parent_id).toBe(root?.context.span_id)
    expect(below.map(({ name }) => name).sort()).toEqual([
      'chat small',
      'chat small',
      'chat small',
      'retrieval',
      'validate',
      'validate',
    ])
    for (const { start_time, end_time } of spans)
      expect(Date.parse(end_time)).toBeGreaterThanOrEqual(Date.parse(start_time))

    const attempts = below.filter(({ name }) => name === 'chat small')
    expect(attempts.map(({ context }) => context.span_id)).toEqual(spanIds)
    expect(
      attempts.map(({ span_kind, status_code, attributes }) => [span_kind, status_code, attributes['level']]),
    ).toEqual([
      ['LLM', 'ERROR', 'ERROR'],
      ['LLM', 'UNSET', 'WARNING'],
      ['LLM', 'OK', 'DEFAULT'],
    ])
    const [failed, rejected, accepted] = attempts.map(({ attributes }) => ({
      input: JSON.parse(String(attributes['input.value'])) as unknown,
      output: JSON.parse(String(attributes['output.value'])) as unknown,
    }))
    expect(failed).toMatchObject({
      input: { iteration: 0, model: 'small', provider: 'custom' },
      output: { verdict: null, error: { code: 'overloaded' } },
    })
    expect(rejected).toMatchObject({ input: { iteration: 0 }, output: { verdict: { passed: false }, error: null } })
    expect(accepted).toMatchObject({ input: { iteration: 1 }, output: { verdict: { passed: true }, error: null } })
    expect(JSON.stringify(accepted?.input)).toContain('How are widgets sorted?')
    expect(attempts[2]?.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'small',
      'gen_ai.usage.input_tokens': 10,
      'gen_ai.usage.output_tokens': 2,
      'llm.token_count.total': 12,
    })
    expect(below.find(({ name }) => name === 'retrieval')).toMatchObject({ span_kind: 'RETRIEVER' })
  },
)

test('a process that is killed and started again sends what it had not sent', { timeout: 120_000 }, async () => {
  const id = '0AF7651916CD43DD8448EB211C80319C'
  await traced.run({ 'x-lakehouse-trace-id': id })
  await traced.restart('SIGKILL')
  const spans = await whole(id.toLowerCase(), 7)
  expect(new Set(spans.map(({ context }) => context.span_id)).size).toBe(spans.length)
  expect(spans.filter(({ parent_id }) => parent_id === null).map(({ name }) => name)).toEqual(['run task'])
})
