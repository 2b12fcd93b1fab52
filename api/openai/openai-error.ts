import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problemType, failed, saidOf } from '#api/http/problem.ts'
import type { Said } from '#api/http/problem.ts'
import type { Report } from '#processors/ports/report.ts'

/**
 * Errors in OpenAI's form, which stock clients turn into their typed exceptions.
 *
 * Promise: `code` is the same stable code as everywhere else, or the failure of the last model that was asked. What the
 * chain of models has been through is not worth a client's own retries: `x-should-retry: false`.
 */
export const OpenAiError = Type.Object(
  {
    error: Type.Object({
      message: Type.String(),
      type: Type.String({ description: 'As OpenAI names them: invalid_request_error, rate_limit_error, …' }),
      param: Type.Union([Type.String(), Type.Null()]),
      code: Type.Union([Type.String(), Type.Null()], { description: 'Stable; branch on this.' }),
    }),
  },
  { $id: 'OpenAiError', description: 'An error as the OpenAI API gives it.' },
)

export interface OpenAiFailure {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number | undefined
  /** Every model that may be asked was asked as often as may be. */
  readonly exhausted?: boolean
}

export function errorText({ status, code, message }: OpenAiFailure): string {
  return JSON.stringify({ error: { message, type: typeOf(status), param: null, code } })
}

export function sendFailure(reply: FastifyReply, failure: OpenAiFailure): FastifyReply {
  const { retryAfterMs, exhausted = false } = failure
  if (retryAfterMs !== undefined) void reply.header('retry-after', String(Math.ceil(retryAfterMs / 1000)))
  if (exhausted) void reply.header('x-should-retry', 'false')
  return reply.code(failure.status).type('application/json').send(errorText(failure))
}

/** What goes wrong before a run begins: a refused body, a missing token, a log that cannot be reached. */
export function sendOpenAiError(report: Report) {
  const thrown = thrownFailure(report)
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { headers, ...failure } = thrown(error, request)
    if (failure.status === 401) void reply.header('www-authenticate', 'Bearer')
    void reply.headers({ ...headers })
    void sendFailure(reply, failure)
  }
}

/** What was thrown, as it is told; what nobody foresaw is reported. */
export function thrownFailure(report: Report) {
  return (error: unknown, request: FastifyRequest): OpenAiFailure & Pick<Said, 'headers'> => {
    const said = saidOf(error)
    if (said.status === 500) report(failed(error, request))
    return { ...said, message: sentence(said), ...(said.status === 503 ? { retryAfterMs: 1000 } : {}) }
  }
}

function sentence({ detail, remedy = '' }: Said): string {
  return remedy === '' ? detail : `${detail}. ${remedy}`
}

/** Error answers of an OpenAPI document, by status. */
export function documentedErrors(...statuses: readonly number[]): Record<number, unknown> {
  const described = statuses.map((status): [number, unknown] => [
    status,
    {
      description: meaning[status] ?? typeOf(status),
      content: { 'application/json': { schema: { $ref: 'OpenAiError#' } } },
    },
  ])
  // Before the route is known to be one of these, an error is a problem document.
  const early = { description: 'Not from this origin.', content: { [problemType]: { schema: { $ref: 'Problem#' } } } }
  return { ...Object.fromEntries<unknown>(described), 403: early }
}

export const errorStatuses = [400, 401, 402, 404, 408, 409, 413, 415, 422, 429, 431, 499, 500, 502, 503, 504, 507]

const meaning: Readonly<Record<number, string>> = {
  400: 'The request, or the model that refused it.',
  402: 'A budget is spent.',
  404: 'No provider that can be asked has that model.',
  409: 'The request with this Idempotency-Key is still being answered.',
  422: 'The Idempotency-Key was used with another body, or the model could not process the request.',
  429: 'Every provider limits the rate.',
  499: 'The caller cancelled the run.',
  502: 'No provider gave an answer.',
  503: 'The log cannot be written now, or every provider of that model is left alone after its failures.',
  504: 'No provider answered in time.',
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 402) return 'insufficient_quota'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
