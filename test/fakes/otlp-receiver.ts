/**
 * An OTLP/HTTP receiver on loopback that really decodes protobuf, after opentelemetry-proto 1.8
 * (`opentelemetry/proto/trace/v1/trace.proto`), and answers as told.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import protobuf from 'protobufjs'
import { listening } from './listening.ts'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  /** Nanoseconds. */
  readonly start: bigint
  readonly end: bigint
  readonly status: { readonly code: number; readonly message: string }
  readonly attributes: Readonly<Record<string, unknown>>
}

export interface ReceivedBatch {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly resource: Readonly<Record<string, unknown>>
  readonly spans: readonly ReceivedSpan[]
}

export interface OtlpReceiver {
  readonly url: string
  /** Those that were taken. */
  readonly batches: readonly ReceivedBatch[]
  readonly requests: number
  /** Statuses of the next requests; 200 afterwards. */
  script(...statuses: number[]): void
  close(): Promise<void>
}

const proto = `syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { repeated Span spans = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; Status status = 15;
}
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; } }
message ArrayValue { repeated AnyValue values = 1; }`

const Request = protobuf.parse(proto).root.lookupType('Request')

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const batches: ReceivedBatch[] = []
  const statuses: number[] = []
  let requests = 0
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      requests += 1
      const status = statuses.shift() ?? 200
      if (status === 200) batches.push(batchOf(request.url ?? '', request.headers, Buffer.concat(pieces)))
      response.writeHead(status, { 'content-type': 'application/x-protobuf' })
      response.end(status === 200 ? '' : `no: ${String(request.headers.authorization)}`)
    })
  })
  const { origin, close } = await listening(server)
  return {
    url: origin,
    batches,
    get requests() {
      return requests
    },
    script: (...next) => void statuses.push(...next),
    close,
  }
}

interface Decoded {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] }
    readonly scopeSpans: readonly { readonly spans: readonly DecodedSpan[] }[]
  }[]
}

interface KeyValue {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface DecodedSpan {
  readonly traceId: Uint8Array
  readonly spanId: Uint8Array
  readonly parentSpanId: Uint8Array
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly KeyValue[]
  readonly status: { readonly code: number; readonly message: string }
}

function batchOf(path: string, headers: IncomingHttpHeaders, body: Uint8Array): ReceivedBatch {
  const decoded = Request.toObject(Request.decode(body), { longs: String, arrays: true, defaults: true }) as Decoded
  const spans = decoded.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
  return {
    path,
    headers,
    resource: valuesOf(decoded.resourceSpans[0]?.resource.attributes ?? []),
    spans: spans.map((span) => ({
      traceId: Buffer.from(span.traceId).toString('hex'),
      spanId: Buffer.from(span.spanId).toString('hex'),
      parentSpanId: Buffer.from(span.parentSpanId).toString('hex'),
      name: span.name,
      kind: span.kind,
      start: BigInt(span.startTimeUnixNano),
      end: BigInt(span.endTimeUnixNano),
      status: { code: span.status.code, message: span.status.message },
      attributes: valuesOf(span.attributes),
    })),
  }
}

function valuesOf(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, valueOf(value)]))
}

function valueOf(value: Readonly<Record<string, unknown>>): unknown {
  const { arrayValue } = value as { arrayValue?: { values: Readonly<Record<string, unknown>>[] } }
  if (arrayValue !== undefined) return arrayValue.values.map(valueOf)
  if ('intValue' in value) return Number(value['intValue'])
  return value['stringValue'] ?? value['boolValue'] ?? value['doubleValue']
}
