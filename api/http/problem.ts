import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import type { FailureCode } from '#processors/ports/failure.ts'

/**
 * Errors as problem documents (RFC 9457) with a stable `code`.
 *
 * Promise: what is not a Failure becomes `internal` without its message; no stack, path or secret leaves.
 */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'URI reference that names the kind of problem: /problems/<code>.' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; branch on this.' }),
    detail: Type.String(),
    remedy: Type.Optional(Type.String({ description: 'What the caller can do.' })),
    position: Type.Optional(Type.String({ description: 'Where the store is, for position.not-reached.' })),
  },
  { $id: 'Problem', description: 'RFC 9457 problem document.' },
)

const statusOf: { readonly [Code in FailureCode]?: number } = {
  'request.invalid': 400,
  'position.invalid': 400,
  'event.unknown': 400,
  'auth.required': 401,
  'run.unknown': 404,
  'letter.unknown': 404,
  'store.unknown': 404,
  'object.missing': 404,
  'provider.unconfigured': 404,
  'run.closed': 409,
  'run.open': 409,
  'log.other': 409,
  'position.not-reached': 409,
  'request.too-large': 413,
  'record.too-large': 413,
  'idempotency.conflict': 422,
  'log.unavailable': 503,
  'log.full': 507,
  'store.stalled': 503,
  'store.locked': 503,
  'append.outcome-unknown': 503,
  'log.closed': 503,
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = asFailure(error)
  if (failure.code === 'internal') request.log.error({ err: error }, 'a request failed')
  const status = statusOf[failure.code] ?? 500
  if (status === 401) void reply.header('www-authenticate', 'Bearer')
  if (status === 503) void reply.header('retry-after', '1')
  return reply
    .code(status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `/problems/${failure.code}`,
        title: failure.code,
        status,
        code: failure.code,
        detail: failure.message,
        ...(failure.remedy === '' ? {} : { remedy: failure.remedy }),
        ...('position' in failure ? { position: failure.position } : {}),
      }),
    )
}

function asFailure(error: unknown): Failure {
  if (isFailure(error)) return error
  const { statusCode, message, code } = error as Partial<FastifyError>
  if (statusCode === 413) return new Failure('request.too-large', message ?? 'the body is too large')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Failure('request.invalid', code === 'FST_ERR_VALIDATION' ? (message ?? '') : (message ?? 'the request is malformed'))
  }
  return new Failure('internal', 'something went wrong here; the log of the server says what')
}
