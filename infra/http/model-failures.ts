/**
 * What went wrong with a call of a model server, as a typed failure.
 *
 * Promise: total. Any error, status, header and body gives a `ModelFailure` whose message names the URL and the reason;
 * nothing here throws. Retryable is what may heal by itself: 429, 5xx, network.
 */
import type { ModelFailure, ModelFailureCode } from '#processors/ports/model-provider.ts'
import { retryAfterMs, type ResponseHeaders } from './retry-after.ts'

/** Where and whom we asked, for messages. */
export interface Asked {
  /** Base URL, without credentials. */
  readonly url: string
  /** Variable that holds the key, for the remedy of a 401. */
  readonly keyVariable: string | undefined
}

/** A response as received; `text` is the whole body. */
export interface Received {
  readonly status: number
  readonly headers: ResponseHeaders
  readonly text: string
}

export function failure(
  code: ModelFailureCode,
  message: string,
  more: {
    readonly raw?: string
    readonly retryable?: boolean
    readonly httpStatus?: number
    readonly retryAfterMs?: number
  } = {},
): ModelFailure {
  return { ok: false, code, message, raw: '', retryable: false, ...more }
}

/** An answer that is not a 2xx. */
export function failureOfStatus(asked: Asked, { status, headers, text }: Received): ModelFailure {
  const body = errorIn(parseLoosely(text))
  const wait = retryAfterMs(headers, body?.retryDelay)
  const code = codeOfStatus(status)
  const reason = status >= 300 && status < 400 ? redirectReason(headers) : reasonOf(text, body)
  const advice = code === 'unauthorized' && asked.keyVariable !== undefined ? `; check ${asked.keyVariable}` : ''
  return failure(code, `${asked.url} answered ${status}${reason === '' ? '' : `: ${reason}`}${advice}`, {
    raw: text,
    httpStatus: status,
    retryable: statusMayHeal(status, headers, body),
    ...(wait !== undefined && { retryAfterMs: wait }),
  })
}

/** A 2xx whose body is an error object, as some gateways send. */
export function failureOfErrorBody(asked: Asked, { status, headers, text }: Received, body: ErrorBody): ModelFailure {
  const wait = retryAfterMs(headers, body.retryDelay)
  const inner = typeof body.code === 'number' && body.code >= 400 && body.code < 600 ? body.code : undefined
  return failure('error-body', `${asked.url} answered ${status} with an error: ${reasonOf(text, body)}`, {
    raw: text,
    httpStatus: status,
    retryable: inner !== undefined && statusMayHeal(inner, headers, body),
    ...(wait !== undefined && { retryAfterMs: wait }),
  })
}

/** What the body says about an error, in any of the forms servers use. */
export interface ErrorBody {
  readonly message: string
  readonly code: unknown
  /** Google's RetryInfo, such as `"23s"`. */
  readonly retryDelay: unknown
}

/**
 * The error a parsed body is: `{"error": {…}}`, `{"error": "…"}`, Gemini's `[{"error": {…}}]`, and for what is no
 * completion anyway FastAPI's `{"detail": …}` and the plain `{"message": "…"}`. Undefined when it is none.
 */
export function errorIn(parsed: unknown): ErrorBody | undefined {
  const body: unknown = Array.isArray(parsed) ? parsed[0] : parsed
  if (!isObject(body)) return undefined
  const error = body['error'] ?? undefined
  if (typeof error === 'string') return { message: error, code: body['code'], retryDelay: undefined }
  if (isObject(error)) {
    const { message, code, type, details } = error
    return { message: messageOf(message, type, code), code, retryDelay: retryDelayIn(details) }
  }
  if (error !== undefined && error !== false)
    return { message: messageOf(undefined, undefined, error), code: undefined, retryDelay: undefined }
  // The answer of a chat, OpenAI's or Ollama's.
  if ('choices' in body || isObject(body['message'])) return undefined
  const detail = body['detail'] ?? body['message']
  if (detail === undefined) return undefined
  return {
    message: messageOf(detail, undefined, undefined),
    code: body['code'] ?? body['status'],
    retryDelay: undefined,
  }
}

/** An error before any header came. */
export function failureBeforeHeaders(asked: Asked, error: unknown): ModelFailure {
  const code = errorCode(error)
  if (code === 'UND_ERR_INVALID_ARG')
    return failure('rejected', `${asked.url} can't be asked: ${oneLine(messageIn(error))}`)
  const lasting = /^(CERT_|ERR_TLS|ERR_SSL|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HPE_)/.test(code)
  return failure('unreachable', `${asked.url} can't be reached: ${networkReason(code, error)}`, { retryable: !lasting })
}

/** An error after the headers and before the end of the body. */
export function failureInBody(
  asked: Asked,
  error: unknown,
  received: { status: number; raw: string; bytes: number },
): ModelFailure {
  const reason = networkReason(errorCode(error), error)
  return failure(
    'cut',
    `${asked.url} answered ${received.status}, then the connection ended after ${received.bytes} bytes: ${reason}`,
    {
      raw: received.raw,
      httpStatus: received.status,
      retryable: true,
    },
  )
}

/** A body that isn't the JSON of a completion, in words. */
export function describeBody(text: string): string {
  const start = text.slice(0, 4096)
  if (/^\s*(<!doctype html|<html|<head|<body)/i.test(start)) {
    const title = /<title[^>]*>([^<]*)/i.exec(start)?.[1]?.trim() ?? ''
    return title === '' ? 'an HTML page' : `an HTML page ('${oneLine(title)}')`
  }
  return `'${oneLine(start)}'`
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The parsed text; undefined when it isn't JSON. */
export function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch {
    return undefined
  }
}

function codeOfStatus(status: number): ModelFailureCode {
  if (status === 429) return 'rate-limited'
  if (status >= 500) return 'overloaded'
  return status === 401 || status === 403 ? 'unauthorized' : 'rejected'
}

/** 408, 409 and 425 are timing, not the request. A spent quota is a 429 that no waiting heals. */
function statusMayHeal(status: number, headers: ResponseHeaders, body: ErrorBody | undefined): boolean {
  if (headers['x-should-retry'] === 'false') return false
  if (status === 429) return !['insufficient_quota', 'billing_hard_limit_reached'].includes(String(body?.code))
  return status >= 500 || [408, 409, 425].includes(status)
}

function redirectReason(headers: ResponseHeaders): string {
  const location = [headers['location']].flat()[0] ?? ''
  const host = URL.parse(location)?.origin
  return `a redirect${host === undefined ? '' : ` to ${host}`}, which is not followed with a key; set the base URL it points to`
}

function reasonOf(text: string, body: ErrorBody | undefined): string {
  if (body !== undefined && body.message !== '') return body.message
  return text.trim() === '' ? 'with an empty body' : describeBody(text)
}

function messageOf(message: unknown, type: unknown, code: unknown): string {
  for (const one of [message, type, code]) {
    if (typeof one === 'string' && one.trim() !== '') return oneLine(one)
    if (typeof one === 'number' || isObject(one) || Array.isArray(one)) return oneLine(asJson(one))
  }
  return 'an error without a message'
}

/** What parses may still be nested too deep to be written again. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return 'an error that is nested too deep'
  }
}

function retryDelayIn(details: unknown): unknown {
  if (!Array.isArray(details)) return undefined
  return details.filter(isObject).find((one) => one['retryDelay'] !== undefined)?.['retryDelay']
}

/** The innermost code of an error; '' when there is none. */
function errorCode(error: unknown): string {
  if (!isObject(error) && !(error instanceof Error)) return ''
  const { code, cause, errors, name } = error as { code?: unknown; cause?: unknown; errors?: unknown; name?: unknown }
  const inner = Array.isArray(errors) ? errorCode(errors[0]) : errorCode(cause)
  if (inner !== '' || typeof code === 'string') return inner === '' ? String(code) : inner
  return name === 'HTTPParserError' ? 'HPE_INVALID' : ''
}

function networkReason(code: string, error: unknown): string {
  const known: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ECONNRESET: 'the connection was reset',
    EPIPE: 'the connection was closed',
    UND_ERR_SOCKET: 'the server closed the connection',
    UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
    UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the body is not as long as announced',
    UND_ERR_HEADERS_OVERFLOW: 'its headers are too large',
    ENOTFOUND: 'its name is unknown',
    EAI_AGAIN: 'its name could not be looked up',
    EHOSTUNREACH: 'no route to it',
    ENETUNREACH: 'no network',
    ETIMEDOUT: 'no connection in time',
  }
  if (code.startsWith('HPE_')) return `it does not speak HTTP/1.1 (${code})`
  const words = known[code]
  if (words !== undefined) return `${words} (${code})`
  return [oneLine(messageIn(error)), code].filter((part) => part !== '').join(', ')
}

function messageIn(error: unknown): string {
  return error instanceof Error ? error.message : 'an unknown error'
}

/** One line of at most 300 characters, without control characters. */
function oneLine(text: string): string {
  const line = text
    .slice(0, 1000)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return line.length > 300 ? `${line.slice(0, 300).toWellFormed()}…` : line.toWellFormed()
}
