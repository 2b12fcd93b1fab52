/**
 * The settings of exported traces, by OpenTelemetry's own names, so that what is set for other programs holds here too.
 * Source: OpenTelemetry, OTLP exporter configuration.
 */
import { readKeyValues } from '#infra/otlp/key-values.ts'
import { flag, httpUrl, type Kind, oneOf, optional, setting, text } from './setting.ts'

const keyValues: Kind<string> = {
  allowed: 'a list such as name=value,name2=value2, percent-encoded where need be',
  read: (given) => (readKeyValues(given) === undefined ? undefined : given),
}

export const otlpProtocols = ['http/protobuf', 'http/json', 'grpc'] as const

export const traceSettings = {
  otlpEndpoint: optional<string>(httpUrl, {
    env: ['OTEL_EXPORTER_OTLP_ENDPOINT'],
    toml: 'otel.endpoint',
    doc: 'OTLP/HTTP endpoint that gets the traces of ended runs, at its /v1/traces',
  }),
  otlpTracesEndpoint: optional<string>(httpUrl, {
    env: ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
    toml: 'otel.traces_endpoint',
    doc: 'the same, as the whole URL; goes before it',
  }),
  otlpHeaders: optional<string>(keyValues, {
    env: ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'OTEL_EXPORTER_OTLP_HEADERS'],
    toml: 'otel.headers',
    doc: 'headers of those requests: name=value,…',
    secret: true,
  }),
  otlpProtocol: setting<(typeof otlpProtocols)[number]>(oneOf(otlpProtocols), 'http/protobuf', {
    env: ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    toml: 'otel.protocol',
    doc: 'http/protobuf or http/json',
  }),
  otelServiceName: setting(text, 'lattice', {
    env: ['OTEL_SERVICE_NAME'],
    toml: 'otel.service_name',
    doc: 'service.name of the traces',
  }),
  otelResource: optional<string>(keyValues, {
    env: ['OTEL_RESOURCE_ATTRIBUTES'],
    toml: 'otel.resource_attributes',
    doc: 'more attributes of this process in the traces: name=value,…',
  }),
  otelDisabled: setting(flag, false, {
    env: ['OTEL_SDK_DISABLED'],
    toml: 'otel.disabled',
    doc: 'exports no traces, whatever else is set',
  }),
}
