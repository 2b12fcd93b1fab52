/**
 * Spans to an OTLP/HTTP endpoint: Phoenix, Langfuse, Jaeger, an OpenTelemetry collector.
 *
 * Promise: one request a batch, within `timeoutMs`, no redirect, no retry of its own; the headers it was given are in
 * nothing it says. What heals by itself or by a setting (down, busy, 401, 404, 5xx) is `later`; what is wrong with the
 * batch itself (400, 413, 422) is `refused`. Source: OTLP 1.8, OTLP/HTTP response.
 */
import { resourceFromAttributes } from '@opentelemetry/resources'
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { Agent, request } from 'undici'
import { endpointOf } from '#infra/http/endpoint.ts'
import { retryAfterMs } from '#infra/http/retry-after.ts'
import type { Span, SpanExporter, SpanReceipt } from '#processors/ports/span-exporter.ts'
import { readableSpan } from './readable-span.ts'

export interface OtlpSpanExporterOptions {
  /** Of the traces: usually ends in `/v1/traces`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly encoding: 'protobuf' | 'json'
  /** `service.name` and whatever else tells this process's spans from others'. */
  readonly resource: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 5_000
/** Of what a backend says, for people. */
const mostSaid = 300

export function openOtlpSpanExporter(given: OtlpSpanExporterOptions): SpanExporter {
  const { timeoutMs = defaultTimeoutMs } = given
  const url = new URL(given.url)
  const { shown, authorization } = endpointOf(given.url)
  url.username = ''
  url.password = ''
  const serializer = given.encoding === 'json' ? JsonTraceSerializer : ProtobufTraceSerializer
  const headers = {
    'user-agent': 'lattice',
    ...(authorization === undefined ? {} : { authorization }),
    ...lowerCased(given.headers),
    'content-type': given.encoding === 'json' ? 'application/json' : 'application/x-protobuf',
  }
  const resource = resourceFromAttributes(given.resource)
  const agent = new Agent({ connect: { timeout: timeoutMs }, keepAliveTimeout: 15_000 })

  function hidden(text: string): string {
    const secrets = [...Object.values(given.headers), ...(authorization === undefined ? [] : [authorization])]
    return secrets
      .filter((one) => one.length >= 6)
      .reduce((said, one) => said.replaceAll(one, '[redacted]'), text)
      .replace(/\s+/g, ' ')
      .slice(0, mostSaid)
  }

  async function post(body: Uint8Array): Promise<SpanReceipt> {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await request(url, { method: 'POST', headers, body, dispatcher: agent, signal })
    const bytes = new Uint8Array(await response.body.arrayBuffer())
    const { statusCode: status } = response
    if (status >= 200 && status < 300) return taken(bytes)
    const said = `${shown} answered ${status}${status === 404 ? ' (is that the path of the traces?)' : ''}: ${hidden(Buffer.from(bytes).toString('utf8'))}`
    if (status === 400 || status === 413 || status === 422) return { is: 'refused', reason: said }
    const afterMs = retryAfterMs(response.headers)
    return { is: 'later', reason: said, ...(afterMs === undefined ? {} : { afterMs }) }
  }

  function taken(bytes: Uint8Array): SpanReceipt {
    const partial = responseIn(bytes)?.partialSuccess
    const rejected = partial?.rejectedSpans ?? 0
    if (rejected === 0) return { is: 'taken' }
    return { is: 'taken', warning: `${rejected} spans were not taken: ${hidden(partial?.errorMessage ?? '')}` }
  }

  /** A backend that answers with something else has taken the batch all the same. */
  function responseIn(bytes: Uint8Array) {
    if (bytes.length === 0) return undefined
    try {
      return serializer.deserializeResponse(bytes)
    } catch {
      return undefined
    }
  }

  return {
    url: shown,
    async export(spans: readonly Span[]) {
      const body = serializer.serializeRequest(spans.map((span) => readableSpan(span, resource)))
      if (body === undefined) return { is: 'refused', reason: 'it can’t be encoded' }
      try {
        return await post(body)
      } catch (error) {
        const { code, message, name } = error as NodeJS.ErrnoException
        return { is: 'later', reason: `${shown} can’t be reached: ${hidden(code ?? (message || name))}` }
      }
    },
    close: () => agent.destroy(),
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
