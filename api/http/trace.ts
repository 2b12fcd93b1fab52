import { isAscii } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * The trace a request belongs to: the same one however often it is asked for.
 *
 * Promise: a trace id the caller gives (`X-Lakehouse-Trace-Id`, any text) is echoed verbatim, on every answer of every
 * route, errors included; without one, that of `traceparent`, else a new one of 32 hex digits. A malformed `traceparent` is ignored (W3C Trace Context, 3.2).
 */
export interface Trace {
  readonly traceId: string
  readonly traceparent: string | undefined
}

const header = 'x-lakehouse-trace-id'
const traceparentForm = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/

const traces = new WeakMap<FastifyRequest['raw'], Trace>()

export function traceOf(request: FastifyRequest, reply: FastifyReply): Trace {
  const known = traces.get(request.raw)
  if (known !== undefined) return known
  const traceparent = traceparentOf(request)
  const given = request.headers[header]
  const named = typeof given === 'string' && given !== '' ? given : undefined
  const traceId = named ?? traceparent?.slice(3, 35) ?? randomUUID().replaceAll('-', '')
  void reply.header(header, traceId)
  const trace = { traceId, traceparent }
  traces.set(request.raw, trace)
  return trace
}

/**
 * Node encodes a header together with a text body as UTF-8, and by itself as it came in (Latin-1): a body of bytes keeps
 * a trace id of other letters what it was.
 */
export function keepTraceId(reply: FastifyReply, payload: unknown): unknown {
  const traceId = reply.getHeader(header)
  return typeof payload === 'string' && typeof traceId === 'string' && !isAscii(Buffer.from(traceId))
    ? Buffer.from(payload)
    : payload
}

function traceparentOf({ headers: { traceparent } }: FastifyRequest): string | undefined {
  return typeof traceparent === 'string' && traceparentForm.test(traceparent) ? traceparent : undefined
}
