import type { FastifyRequest } from 'fastify'
import { Failure } from '#processors/ports/failure.ts'
import { HttpProblem } from './problem.ts'

/**
 * Requests that could be read in two ways are refused before anybody reads them.
 *
 * Promise: a header that something here depends on stands once; only a POST brings a body, and it is not compressed.
 */
const single = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'last-event-id',
  'origin',
  'traceparent',
])

export function refuseAmbiguous({ headers, raw }: FastifyRequest): void {
  const seen = new Set<string>()
  for (let at = 0; at < raw.rawHeaders.length; at += 2) {
    const name = raw.rawHeaders[at]?.toLowerCase() ?? ''
    if (!single.has(name)) continue
    if (seen.has(name)) throw new Failure('request.invalid', `header ${name} stands twice`)
    seen.add(name)
  }
  if (headers.host === undefined && raw.httpVersion !== '1.0')
    throw new Failure('request.invalid', 'a request names its host')
}

const mayHaveBody = new Set(['POST', 'PUT', 'PATCH'])

export function refuseBody({ method, headers }: FastifyRequest): void {
  const {
    'content-length': length = '0',
    'transfer-encoding': transfer,
    'content-encoding': coding = 'identity',
  } = headers
  const hasBody = length !== '0' || transfer !== undefined
  if (hasBody && !mayHaveBody.has(method)) throw new Failure('request.invalid', `a ${method} has no body here`)
  if (coding !== 'identity')
    throw new HttpProblem('media-type.unsupported', 'a body is sent as it is, without content-encoding')
}
