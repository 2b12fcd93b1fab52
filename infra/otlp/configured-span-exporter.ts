/**
 * The exporter that the settings ask for; undefined where they ask for none, and then nothing of it is loaded.
 *
 * Errors: `settings.invalid` for the protocol that is not spoken here.
 */
import { Failure } from '#processors/ports/failure.ts'
import type { SpanExporter } from '#processors/ports/span-exporter.ts'
import { readKeyValues } from './key-values.ts'

/** The part of `Config` this reads. */
export interface TraceChoices {
  readonly otlpEndpoint: string | undefined
  readonly otlpTracesEndpoint: string | undefined
  readonly otlpHeaders: string | undefined
  readonly otlpProtocol: 'http/protobuf' | 'http/json' | 'grpc'
  readonly otelServiceName: string
  readonly otelResource: string | undefined
  readonly otelDisabled: boolean
}

export function configuredSpanExporter(choices: TraceChoices): (() => Promise<SpanExporter>) | undefined {
  const url = tracesUrl(choices)
  if (url === undefined || choices.otelDisabled) return undefined
  const { otlpProtocol } = choices
  if (otlpProtocol === 'grpc') {
    throw new Failure('settings.invalid', 'OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and traces are sent by HTTP alone', {
      remedy: 'Set it to http/protobuf, and the endpoint to the one of OTLP/HTTP (often port 4318).',
    })
  }
  return async () => {
    const { openOtlpSpanExporter } = await import('./otlp-span-exporter.ts')
    return openOtlpSpanExporter({
      url,
      headers: readKeyValues(choices.otlpHeaders ?? '') ?? {},
      encoding: otlpProtocol === 'http/json' ? 'json' : 'protobuf',
      resource: { ...readKeyValues(choices.otelResource ?? ''), 'service.name': choices.otelServiceName },
    })
  }
}

function tracesUrl({ otlpEndpoint, otlpTracesEndpoint }: TraceChoices): string | undefined {
  if (otlpTracesEndpoint !== undefined || otlpEndpoint === undefined) return otlpTracesEndpoint
  const url = new URL(otlpEndpoint)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`
  return url.href
}
