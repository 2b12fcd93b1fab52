/**
 * Traces from a really serving process on a log that is given by settings, to a receiver that decodes them; the backend
 * may be down for a while.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '#test/fakes/otlp-receiver.ts'
import { startTracedRuns, type TracedRuns } from './traced-runs.ts'

export function describeTraces(log: string, settings: Readonly<Record<string, string>> = {}): void {
  describe(`traces on ${log}`, () => {
    let receiver: OtlpReceiver
    let traced: TracedRuns
    beforeAll(async () => {
      receiver = await startOtlpReceiver()
      traced = await startTracedRuns({
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20trace-secret',
        OTEL_SERVICE_NAME: 'gateway',
        ...settings,
      })
    }, 90_000)
    afterAll(async () => {
      await traced.close()
      await receiver.close()
    })

    const spansOf = (trace: string): readonly ReceivedSpan[] =>
      receiver.batches.flatMap(({ spans }) => spans).filter(({ traceId }) => traceId === trace)

    test(
      'a backend that is down for a while gets every run all the same, once each, and nobody waits for it',
      {
        timeout: 60_000,
      },
      async () => {
        receiver.script(503, 503)
        const trace = '0af7651916cd43dd8448eb211c80319c'
        const { spanIds } = await traced.run({ 'x-lakehouse-trace-id': trace.toUpperCase() })
        const spans = await eventually('the trace has come', () => {
          const found = spansOf(trace)
          return found.length > 0 ? found : undefined
        })
        const root = spans.find(({ parentSpanId }) => parentSpanId === '')
        expect(spans.map(({ name }) => name).sort()).toEqual([
          'chat small',
          'chat small',
          'chat small',
          'retrieval',
          'run task',
          'validate',
          'validate',
        ])
        expect(root?.name).toBe('run task')
        for (const span of spans) if (span !== root) expect(span.parentSpanId).toBe(root?.spanId)
        const attempts = spans.filter(({ name }) => name === 'chat small')
        expect(attempts.map(({ spanId }) => spanId)).toEqual(spanIds)
        expect(attempts.map(({ status, attributes }) => [status.code, attributes['level']])).toEqual([
          [2, 'ERROR'],
          [0, 'WARNING'],
          [1, 'DEFAULT'],
        ])
        // Each call of a model carries the span of its attempt, and a local server the caller's own text too.
        expect(
          traced.models.calls.map(({ headers }) => [headers['traceparent'], headers['x-lakehouse-trace-id']]),
        ).toEqual(spanIds.map((span) => [`00-${trace}-${span}-01`, trace.toUpperCase()]))
        const batch = receiver.batches.at(-1)
        expect(batch).toMatchObject({
          headers: { authorization: 'Bearer trace-secret' },
          resource: { 'service.name': 'gateway' },
        })
        const output = await eventually('it says that traces go on', () => {
          const said = traced.serving.output()
          return said.includes('traces go on') ? said : undefined
        })
        expect(output.match(/"msg":"traces wait/g)).toHaveLength(1)
        expect(output).not.toContain('trace-secret')
      },
    )
  })
}
