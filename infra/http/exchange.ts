/**
 * One request to a model server and what came back of it.
 *
 * Promise: always settles within `timeoutMs`; an abort ends the upstream request; the body is kept whole as received, up
 * to `answerLimitBytes`, also of a failure; the key is in nothing that is returned. One call is one request: no retry, no
 * redirect. It rejects only with what the taker of a streamed body threw.
 */
import { answerLimitBytes, type CallTrace, type ModelFailure } from '#processors/ports/model-provider.ts'
import { type CallLimit, limitCall } from './call-limit.ts'
import type { Client } from './client.ts'
import {
  type Asked,
  failure,
  failureBeforeHeaders,
  failureInBody,
  failureOfStatus,
  type Received,
} from './model-failures.ts'
import { receiveBody, type Take } from './receive-body.ts'

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST'
  /** Below the base URL. */
  readonly resource: string
  /** Undefined for a GET; a POST whose body could not be written as JSON is not sent. */
  readonly body?: string | undefined
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly trace?: CallTrace | undefined
  /** Gets the pieces of a 2xx body as they come. */
  readonly take?: Take
}

export interface Exchanged extends Received {
  readonly bytes: Buffer
  /**
   * Why the call failed, as far as its bytes are concerned: never asked, no headers, another status than 2xx, cut, timed
   * out, cancelled, too large. Without it `text` is the whole body of a 2xx.
   */
  readonly failed?: ModelFailure
}

/** A recorded body as it came, to be read again. */
export function recorded(raw: string): Exchanged {
  return { status: 200, headers: {}, bytes: Buffer.from(raw), text: raw }
}

interface Call {
  readonly client: Client
  readonly asked: Asked
  readonly limit: CallLimit
  readonly timeoutMs: number
}

export async function exchange(client: Client, asked: Asked, request: ExchangeRequest): Promise<Exchanged> {
  const limit = limitCall(request.signal, request.timeoutMs)
  try {
    return await carryOut({ client, asked, limit, timeoutMs: request.timeoutMs }, request)
  } finally {
    limit.release()
  }
}

async function carryOut(call: Call, request: ExchangeRequest): Promise<Exchanged> {
  const { client, asked, limit } = call
  const { method, resource, body, take, trace } = request
  if (method === 'POST' && body === undefined) {
    return nothing(failure('rejected', `${asked.url} can't be asked: the request can't be written as JSON`))
  }
  if (limit.endedBy() !== undefined) return nothing(ended(call, 'before it was asked'))
  let response
  try {
    response = await client.send({ method, resource, ...(body !== undefined && { body }), trace, signal: limit.signal })
  } catch (error) {
    if (limit.endedBy() !== undefined) return nothing(ended(call, 'without an answer'))
    return nothing(withoutKey(client, failureBeforeHeaders(asked, error)))
  }
  const { statusCode: status, headers } = response
  const good = status >= 200 && status < 300
  const received = await receiveBody(response.body, {
    announcedBytes: Number(headers['content-length']) || 0,
    ...(take !== undefined && good && { take }),
  })
  const { bytes } = received
  const text = client.hideKey(bytes.toString('utf8'))
  const got = { status, headers, bytes, text }
  if (received.end === 'whole') return good ? got : { ...got, failed: failureOfStatus(asked, got) }
  if (received.end === 'too-large') {
    const message = `${asked.url} answered ${status} with more than ${answerLimitBytes / 1024 / 1024} MiB`
    return { ...got, failed: failure('too-large', message, { raw: text, httpStatus: status }) }
  }
  if (limit.endedBy() !== undefined) {
    return { ...got, failed: ended(call, `after ${bytes.length} bytes of an answer`, { status, raw: text }) }
  }
  const cut = failureInBody(asked, received.error, { status, raw: text, bytes: bytes.length })
  return { ...got, failed: withoutKey(client, cut) }
}

function nothing(failed: ModelFailure): Exchanged {
  return { status: 0, headers: {}, bytes: Buffer.alloc(0), text: '', failed }
}

function ended(
  { asked, limit, timeoutMs }: Call,
  when: string,
  received?: { readonly raw: string; readonly status: number },
): ModelFailure {
  const got = received === undefined ? {} : { raw: received.raw, httpStatus: received.status }
  if (limit.endedBy() === 'cancelled')
    return failure('cancelled', `the call to ${asked.url} was cancelled ${when}`, got)
  return failure('timeout', `${asked.url} took longer than ${timeoutMs} ms: ended ${when}`, { ...got, retryable: true })
}

function withoutKey(client: Client, failed: ModelFailure): ModelFailure {
  return { ...failed, message: client.hideKey(failed.message) }
}
