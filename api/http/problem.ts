import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isFailure } from '#processors/ports/failure.ts'
import type { FailureCode } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import { withoutPaths } from '#processors/ports/without-paths.ts'

/**
 * Errors as problem documents (RFC 9457) with a stable `code`.
 *
 * Promise: what nobody foresaw becomes `internal` without its message, and is reported; no stack, path or secret leaves.
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

/** Codes that are about HTTP itself, beside those of every door. */
type HttpCode =
  | 'route.unknown'
  | 'method.not-allowed'
  | 'media-type.unsupported'
  | 'request.timeout'
  | 'request.headers-too-large'
  | 'origin.refused'
  | 'server.busy' // too much is under way; ask again

export type ProblemCode = FailureCode | HttpCode

/** A code that is missing here is a fault of the program where it reaches a client: 500. */
export const statusOf: { readonly [Code in ProblemCode]?: number } = {
  'request.invalid': 400,
  'position.invalid': 400,
  'event.unknown': 400,
  'provider.unconfigured': 400,
  'roster.unconfigured': 400,
  'auth.required': 401,
  'budget.spent': 402,
  'budget.unpriced': 402,
  'origin.refused': 403,
  'route.unknown': 404,
  'run.unknown': 404,
  'letter.unknown': 404,
  'model.unknown': 404,
  'store.unknown': 404,
  'object.missing': 404,
  'method.not-allowed': 405,
  'request.timeout': 408,
  'run.closed': 409,
  'run.open': 409,
  'letter.settled': 409,
  'log.other': 409,
  'position.not-reached': 409,
  'request.too-large': 413,
  'record.too-large': 413,
  'media-type.unsupported': 415,
  'idempotency.conflict': 422,
  'query.stopped': 422,
  'request.headers-too-large': 431,
  'append.outcome-unknown': 503,
  'budget.unavailable': 503,
  'log.closed': 503,
  'log.damaged': 503,
  'log.diverged': 503,
  'log.gap': 503,
  'log.newer': 503,
  'log.trimmed': 503,
  'log.unavailable': 503,
  'log.unsafe': 503,
  'roster.unavailable': 503,
  'schema.unavailable': 503,
  'server.busy': 503,
  'server.closing': 503,
  'store.locked': 503,
  'store.newer': 503,
  'store.rebuild-required': 503,
  'store.stalled': 503,
  'log.full': 507,
}

/** A problem of HTTP itself; everything else is a `Failure`. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly code: HttpCode
  readonly remedy: string
  readonly headers: Readonly<Record<string, string>>

  constructor(code: HttpCode, message: string, options: { remedy?: string; headers?: Record<string, string> } = {}) {
    super(message)
    this.code = code
    this.remedy = options.remedy ?? ''
    this.headers = options.headers ?? {}
  }
}

export interface Said {
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
  readonly remedy?: string
  readonly position?: string
  readonly headers?: Readonly<Record<string, string>>
}

export function sendProblem(report: Report) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const said = saidOf(error)
    if (said.status === 500) report(failed(error, request))
    for (const name of ofAnswers) void reply.removeHeader(name)
    if (said.status === 401) void reply.header('www-authenticate', 'Bearer')
    if (said.status === 503) void reply.header('retry-after', '1')
    return reply
      .code(said.status)
      .headers({ ...said.headers })
      .type(problemType)
      .send(problemText(said))
  }
}

/** What a route said of an answer that did not come to be. */
const ofAnswers = ['x-lattice-position', 'location', 'idempotency-replayed']

export const problemType = 'application/problem+json'

export function problemText({ status, code, detail, remedy = '', position }: Said): string {
  return JSON.stringify({
    type: `/problems/${code}`,
    title: code,
    status,
    code,
    detail,
    ...(remedy === '' ? {} : { remedy }),
    ...(position === undefined ? {} : { position }),
  })
}

/** What a client is told of an error. */
export function saidOf(error: unknown): Said {
  if (isFailure(error)) {
    const status = statusOf[error.code] ?? 500
    if (status === 500) return internal
    const { code, message: detail, remedy } = error
    const position = 'position' in error && typeof error.position === 'string' ? { position: error.position } : {}
    return { status, code, detail: withoutPaths(detail), remedy: withoutPaths(remedy), ...position }
  }
  if (error instanceof HttpProblem) {
    const { code, message: detail, remedy, headers } = error
    return { status: statusOf[code] ?? 500, code, detail, remedy, headers }
  }
  return ofFastify(error as Partial<FastifyError>)
}

const internal: Said = {
  status: 500,
  code: 'internal',
  detail: 'something went wrong here; the log of the server says what',
}

/** What fastify finds wrong with a request before a route sees it. */
function ofFastify({ statusCode, message = '', code }: Partial<FastifyError>): Said {
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const remedy = 'send: content-type: application/json'
    return { status: 415, code: 'media-type.unsupported', detail: 'the body is not of a supported type', remedy }
  }
  if (statusCode === 413) return { status: 413, code: 'request.too-large', detail: 'the body is too large' }
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return internal
  return { status: 400, code: 'request.invalid', detail: message }
}

export function failed(error: unknown, request: FastifyRequest): Parameters<Report>[0] {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  return {
    signal: 'request.failed',
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    // The parser's messages quote what they could not parse.
    message: name === 'SyntaxError' ? name : `${name}: ${message}`.slice(0, 500),
    where: (stack ?? '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 8)
      .map((line) => line.trim())
      .join(' '),
  }
}
