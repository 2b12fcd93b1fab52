/** Where traces go, from OpenTelemetry's own variables; and that their headers are secrets. */
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { readConfig } from '#infra/config/config.ts'
import { knownSecrets } from '#infra/config/keys.ts'
import { configuredSpanExporter } from '#infra/otlp/configured-span-exporter.ts'

const configOf = (env: Record<string, string>) => readConfig({ env, folder: tmpdir() }).config

async function urlOf(env: Record<string, string>): Promise<string | undefined> {
  const exporter = await configuredSpanExporter(configOf(env))?.()
  await exporter?.close()
  return exporter?.url
}

test('without an endpoint there is no exporter', async () => {
  expect(await urlOf({})).toBeUndefined()
  expect(await urlOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' })).toBeUndefined()
})

test('the endpoint is the base of all signals; the one of traces is the whole URL', async () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://user:pw@127.0.0.1:1/api/public/otel/'
  expect(await urlOf({ OTEL_EXPORTER_OTLP_ENDPOINT })).toBe('http://127.0.0.1:1/api/public/otel/v1/traces')
  const both = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:2/t' }
  expect(await urlOf(both)).toBe('http://127.0.0.1:2/t')
})

test('gRPC is refused in words, where traces are wanted at all', () => {
  const OTEL_EXPORTER_OTLP_PROTOCOL = 'grpc'
  expect(configuredSpanExporter(configOf({ OTEL_EXPORTER_OTLP_PROTOCOL }))).toBeUndefined()
  const config = configOf({ OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
  expect(() => configuredSpanExporter(config)).toThrow(/grpc/)
})

test('headers are secrets, each by itself', () => {
  const config = configOf({ OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20cGs6c2stbGY%3D,x-team=bluebird' })
  expect(knownSecrets(config)).toEqual(expect.arrayContaining(['Basic cGs6c2stbGY=', 'cGs6c2stbGY=', 'bluebird']))
  expect(() => configOf({ OTEL_EXPORTER_OTLP_HEADERS: 'no pair' })).toThrow(/OTEL_EXPORTER_OTLP_HEADERS/)
})
