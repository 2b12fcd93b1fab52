/** Spans over real HTTP, decoded as protobuf on the other side. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openOtlpSpanExporter } from '#infra/otlp/otlp-span-exporter.ts'
import type { Span } from '#processors/ports/span-exporter.ts'
import { type OtlpReceiver, startOtlpReceiver } from '#test/fakes/otlp-receiver.ts'

let receiver: OtlpReceiver
beforeAll(async () => {
  receiver = await startOtlpReceiver()
})
afterAll(() => receiver.close())

const span: Span = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentSpanId: 'b7ad6b7169203331',
  name: 'chat small',
  kind: 'client',
  startMs: 1_795_000_000_000.25,
  endMs: 1_795_000_000_999.999,
  status: { is: 'error', message: 'overloaded: 503' },
  attributes: { text: 'grüße 🌍', count: 12, share: 0.5, yes: true, reasons: ['stop'] },
}
const secret = 'Basic cGs6c2stbGYtMDEyMw=='

function open(encoding: 'protobuf' | 'json' = 'protobuf') {
  const headers = { Authorization: secret }
  return openOtlpSpanExporter({
    url: `${receiver.url}/v1/traces`,
    headers,
    encoding,
    resource: { 'service.name': 'mine' },
  })
}

test('a span arrives as it is, with the resource and the headers', async () => {
  const exporter = open()
  expect(await exporter.export([span])).toEqual({ is: 'taken' })
  await exporter.close()
  const batch = receiver.batches.at(-1)
  expect(batch).toMatchObject({
    path: '/v1/traces',
    headers: { authorization: secret, 'content-type': 'application/x-protobuf' },
    resource: { 'service.name': 'mine' },
  })
  const { traceId, spanId, parentSpanId, name, attributes } = span
  expect(batch?.spans).toEqual([
    {
      traceId,
      spanId,
      parentSpanId,
      name,
      attributes,
      kind: 3,
      start: 1_795_000_000_000_250_000n,
      end: 1_795_000_000_999_999_023n,
      status: { code: 2, message: 'overloaded: 503' },
    },
  ])
})

test('what may heal is for later, what is wrong with the batch is refused, and no header is in what is said', async () => {
  const exporter = open()
  receiver.script(503, 401, 400)
  const said = [await exporter.export([span]), await exporter.export([span]), await exporter.export([span])]
  await exporter.close()
  expect(said.map(({ is }) => is)).toEqual(['later', 'later', 'refused'])
  expect(JSON.stringify(said)).toContain('[redacted]')
  expect(JSON.stringify(said)).not.toContain(secret)
})

test('nobody there is for later', async () => {
  const exporter = openOtlpSpanExporter({
    url: 'http://127.0.0.1:1/v1/traces',
    headers: {},
    encoding: 'json',
    resource: {},
  })
  expect(await exporter.export([span])).toMatchObject({
    is: 'later',
    reason: expect.stringContaining('127.0.0.1:1') as string,
  })
  await exporter.close()
})
