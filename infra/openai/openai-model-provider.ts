/**
 * One chat completion from an OpenAI-compatible server.
 *
 * Promise: always settles with a reply, whatever the server does, within `timeoutMs`; an abort ends the upstream
 * request; the body is kept whole as received, up to `answerLimitBytes`, also of a failure; the key is in nothing that
 * is returned. One call is one request: no retry, no redirect.
 */
import { isUtf8 } from 'node:buffer'
import {
  answerLimitBytes,
  type ModelFailure,
  type ModelProvider,
  type ModelReply,
  type ModelRequest,
} from '#processors/ports/model-provider.ts'
import { type CallLimit, limitCall } from '#infra/http/call-limit.ts'
import { type Client, openClient } from '#infra/http/client.ts'
import { readCompletion } from './completion.ts'
import {
  type Asked,
  failure,
  failureBeforeHeaders,
  failureInBody,
  failureOfStatus,
} from '#infra/http/model-failures.ts'
import type { ResponseHeaders } from '#infra/http/retry-after.ts'

export interface OpenAiModelProviderOptions {
  readonly name: string
  /** Base URL; `/chat/completions` is below it. */
  readonly baseUrl: string
  readonly apiKey?: string | undefined
  /** Variable that holds the key, named when the server refuses it. */
  readonly keyVariable?: string | undefined
  readonly defaultModel: string
  /** A base URL without a path means `/v1`. */
  readonly local?: boolean
}

export interface OpenAiModelProvider extends ModelProvider {
  close(): Promise<void>
}

/** How much of a too large answer is kept. */
const keptOfTooLarge = 1024 * 1024

export function openOpenAiModelProvider(given: OpenAiModelProviderOptions): OpenAiModelProvider {
  const client = openClient(given.baseUrl, { apiKey: given.apiKey, local: given.local ?? false })
  const asked: Asked = { url: client.shown, keyVariable: given.keyVariable }
  return {
    name: given.name,
    url: client.shown,
    defaultModel: given.defaultModel,
    async complete(request, { signal, timeoutMs }) {
      const limit = limitCall(signal, timeoutMs)
      try {
        return await exchange({ client, asked, limit, timeoutMs }, request)
      } finally {
        limit.release()
      }
    },
    close: async () => await client.close(),
  }
}

interface Call {
  readonly client: Client
  readonly asked: Asked
  readonly limit: CallLimit
  readonly timeoutMs: number
}

async function exchange(call: Call, request: ModelRequest): Promise<ModelReply> {
  const { client, asked, limit } = call
  const body = bodyOf(request)
  if (body === undefined)
    return failure('rejected', `${asked.url} can't be asked: the request can't be written as JSON`)
  if (limit.endedBy() !== undefined) return ended(call, 'before it was asked')
  try {
    const response = await client.send({ method: 'POST', resource: '/chat/completions', body, signal: limit.signal })
    return await receive(call, response)
  } catch (error) {
    if (limit.endedBy() !== undefined) return ended(call, 'without an answer')
    return withoutKey(client, failureBeforeHeaders(asked, error))
  }
}

/** The caller's fields as they are; a stream is another method's. */
function bodyOf({ model, messages, parameters }: ModelRequest): string | undefined {
  try {
    return JSON.stringify({ ...parameters, model, messages, stream: undefined, stream_options: undefined })
  } catch {
    return undefined
  }
}

interface Response {
  readonly statusCode: number
  readonly headers: ResponseHeaders
  readonly body: AsyncIterable<Uint8Array>
}

async function receive(call: Call, { statusCode: status, headers, body }: Response): Promise<ModelReply> {
  const { client, asked, limit } = call
  const { bytes, end, error } = await readBody(body, Number(headers['content-length']) || 0)
  const text = client.hideKey(bytes.toString('utf8'))
  if (end === 'too-large') {
    const raw = client.hideKey(bytes.subarray(0, keptOfTooLarge).toString('utf8'))
    const message = `${asked.url} answered ${status} with more than ${answerLimitBytes / 1024 / 1024} MiB`
    return failure('too-large', message, { raw, httpStatus: status })
  }
  if (end === 'broken') {
    const received = { status, raw: text, bytes: bytes.length }
    if (limit.endedBy() !== undefined) return ended(call, `after ${bytes.length} bytes of an answer`, received)
    return withoutKey(client, failureInBody(asked, error, received))
  }
  if (status < 200 || status >= 300) return failureOfStatus(asked, { status, headers, text })
  if (!isUtf8(bytes) && headers['content-encoding'] === undefined) {
    return failure('not-json', `${asked.url} answered ${status} with bytes that are not UTF-8`, {
      raw: text,
      httpStatus: status,
    })
  }
  return readCompletion(asked, { status, headers, text })
}

interface ReadBody {
  readonly bytes: Buffer
  readonly end: 'whole' | 'broken' | 'too-large'
  readonly error?: unknown
}

/** Leaving the loop ends the connection, so an endless answer costs no more than the limit. */
async function readBody(body: AsyncIterable<Uint8Array>, announcedBytes: number): Promise<ReadBody> {
  const most = announcedBytes > answerLimitBytes ? keptOfTooLarge : answerLimitBytes
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size > most) return { bytes: firstBytes(chunks, keptOfTooLarge), end: 'too-large' }
    }
    return { bytes: Buffer.concat(chunks), end: 'whole' }
  } catch (error) {
    return { bytes: Buffer.concat(chunks), end: 'broken', error }
  }
}

function firstBytes(chunks: readonly Uint8Array[], most: number): Buffer {
  const enough: Uint8Array[] = []
  let size = 0
  for (const chunk of chunks) {
    if (size >= most) break
    enough.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(enough, Math.min(size, most))
}

function ended(
  { asked, limit, timeoutMs }: Call,
  when: string,
  received?: { raw: string; status: number },
): ModelFailure {
  const got = received === undefined ? {} : { raw: received.raw, httpStatus: received.status }
  if (limit.endedBy() === 'cancelled')
    return failure('cancelled', `the call to ${asked.url} was cancelled ${when}`, got)
  return failure('timeout', `${asked.url} took longer than ${timeoutMs} ms: ended ${when}`, { ...got, retryable: true })
}

function withoutKey(client: Client, failed: ModelFailure): ModelFailure {
  return { ...failed, message: client.hideKey(failed.message) }
}
