/**
 * How an OpenAI-compatible server misbehaves, one request at a time: each fault as the real ones were seen to do it.
 *
 * Faults are plain data, so a script can be sent to a fake that runs as its own process.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StreamFault } from './openai-stream.ts'

export type Fault = PlainFault | { readonly fault: PlainFault } | FaultWithDetails

/** What needs no more than its name. In the middle of a body means of a stream where one was asked for. */
export type PlainFault =
  | StreamFault // of an answer that is no stream: none
  | 'ok' // no fault: takes a place in a script
  | 'rate-limited' // 429 without a header
  | 'hang-before-headers'
  | 'hang-mid-body'
  | 'cut-before-headers'
  | 'cut-mid-body'
  | 'cut-in-character' // the connection ends inside a UTF-8 sequence
  | 'html' // 200 with a page, as from a proxy
  | 'empty-body'
  | 'gemini-error' // 429 as [{"error": …}] with RetryInfo
  | 'error-object' // 200 with {"error": …}
  | 'garbage-json'
  | 'not-a-completion'
  | 'no-choices'
  | 'invalid-utf8'
  | 'not-http'
  | 'gzip' // an encoding that was not asked for
  | 'echo-key' // 401 that quotes the key it was sent
  | 'wrong-content-type' // a stream that calls itself JSON
  | 'whole-for-stream' // a completion although a stream was asked for
  | 'no-usage'
  | 'split-arguments' // calls two tools, the arguments of a stream in pieces
  | 'endless-stream' // goes on until the client hangs up
  | 'hang-after-done' // a stream whose connection stays open

export type FaultWithDetails =
  | { readonly fault: 'status'; readonly status: number; readonly body?: string; readonly headers?: Headers }
  | { readonly fault: 'body'; readonly bodyBase64: string; readonly status?: number; readonly headers?: Headers }
  | { readonly fault: 'huge'; readonly sizeBytes: number; readonly announced?: boolean }
  | { readonly fault: 'slow'; readonly ms: number }
  | { readonly fault: 'redirect'; readonly to: string }

type Headers = Readonly<Record<string, string>>

export interface FaultContext {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** What would have been answered. */
  readonly good: Buffer
  readonly streamed: boolean
  readonly sendGood: () => void
  /** Answers otherwise: another completion, or the same written in another way. */
  readonly sendOther: (other: OtherAnswer) => void
}

export interface OtherAnswer {
  readonly stream?: StreamFault | 'none' | 'wrong-content-type' | 'hang'
  readonly completion?: 'no-usage' | 'tool-calls'
}

export function commit(given: Fault, context: FaultContext): void {
  const fault = typeof given === 'string' ? { fault: given } : given
  const { request, response, good, streamed, sendGood, sendOther } = context
  const json = (status: number, body: unknown, headers: Headers = {}): void =>
    send(response, status, JSON.stringify(body), headers)
  switch (fault.fault) {
    case 'ok':
      return sendGood()
    case 'status':
      return send(response, fault.status, fault.body ?? errorText(fault.status), fault.headers)
    case 'body':
      return send(response, fault.status ?? 200, Buffer.from(fault.bodyBase64, 'base64'), fault.headers)
    case 'rate-limited':
      return json(429, { error: { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' } })
    case 'hang-before-headers':
      return
    case 'hang-mid-body':
      return part(context, good, Math.floor(good.length / 2))
    case 'cut-before-headers':
      return void request.socket.destroy()
    case 'cut-mid-body':
      return part(context, good, Math.floor(good.length / 2), () => request.socket.destroy())
    case 'cut-in-character': {
      const text = { role: 'assistant', content: 'grüße 🌍' }
      const event = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`
      const whole = JSON.stringify({ choices: [{ index: 0, message: text }] })
      const bytes = Buffer.from(streamed ? event({ content: 'grüße' }) + event({ content: '🌍' }) : whole)
      return part(context, bytes, bytes.indexOf('🌍') + 2, () => request.socket.destroy())
    }
    case 'html':
      return send(response, 200, '<!DOCTYPE html><html><head><title>Sign in</title></head><body>…</body></html>', {
        'content-type': 'text/html',
      })
    case 'empty-body':
      return send(response, 200, '')
    case 'gemini-error': {
      const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '23s' }
      return json(429, [
        { error: { code: 429, message: 'Resource exhausted', status: 'RESOURCE_EXHAUSTED', details: [retry] } },
      ])
    }
    case 'error-object':
      return json(200, { error: { message: 'Upstream is down', code: 502 } })
    case 'garbage-json':
      return send(response, 200, '{"id":"x","choices":[{"message":{"content":"half')
    case 'not-a-completion':
      return json(200, { object: 'list', data: [] })
    case 'no-choices':
      return json(200, { id: 'x', object: 'chat.completion', choices: [] })
    case 'invalid-utf8':
      return send(response, 200, Buffer.concat([good.subarray(0, -2), Buffer.from([0xff, 0xfe, 0x22, 0x7d])]))
    case 'not-http':
      return void request.socket.end('SSH-2.0-OpenSSH_9.2\r\n')
    case 'gzip':
      return send(response, 200, Buffer.from([0x1f, 0x8b, 8, 0, 0]), { 'content-encoding': 'gzip' })
    case 'echo-key':
      return json(401, { error: { message: `Incorrect API key provided: ${request.headers.authorization}` } })
    case 'endless-stream':
      return endless(response)
    case 'huge':
      return huge(response, fault.sizeBytes, fault.announced ?? true)
    case 'slow':
      return void setTimeout(sendGood, fault.ms)
    case 'wrong-content-type':
      return sendOther({ stream: 'wrong-content-type' })
    case 'whole-for-stream':
      return sendOther({ stream: 'none' })
    case 'hang-after-done':
      return sendOther({ stream: 'hang' })
    case 'no-usage':
      return sendOther({ completion: 'no-usage' })
    case 'split-arguments':
      return sendOther({ completion: 'tool-calls' })
    case 'no-space':
    case 'comments':
    case 'crlf':
    case 'cr':
    case 'multi-line':
    case 'no-done':
    case 'no-finish':
    case 'no-blank-line':
    case 'garbage-chunk':
    case 'error-chunk':
    case 'error-event':
    case 'byte-order-mark':
      return sendOther({ stream: fault.fault })
    case 'redirect':
      return send(response, 307, '', { location: fault.to })
  }
}

function send(response: ServerResponse, status: number, body: string | Buffer, headers: Headers = {}): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers })
  response.end(bytes)
}

/** The headers and the first bytes of a body that is announced in full, or of a stream. */
function part({ response, streamed }: FaultContext, whole: Buffer, bytes: number, then?: () => void): void {
  if (streamed) response.writeHead(200, { 'content-type': 'text/event-stream' })
  else response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length })
  response.write(whole.subarray(0, bytes), then)
}

/** A valid completion of about that size, without holding it. */
function huge(response: ServerResponse, sizeBytes: number, announced: boolean): void {
  const head = '{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"'
  const tail = '"}}]}'
  const block = Buffer.alloc(64 * 1024, 'x')
  let left = Math.max(sizeBytes - head.length - tail.length, 0)
  const headers = announced ? { 'content-length': head.length + left + tail.length } : {}
  response.writeHead(200, { 'content-type': 'application/json', ...headers })
  response.write(head)
  const more = () => {
    while (left > 0) {
      const take = Math.min(left, block.length)
      left -= take
      if (!response.write(take === block.length ? block : block.subarray(0, take)))
        return void response.once('drain', more)
    }
    response.end(tail)
  }
  more()
}

function endless(response: ServerResponse): void {
  const delta = { content: 'x'.repeat(64 * 1024) }
  const event = `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const more = () => {
    if (!response.destroyed) response.write(event, () => setImmediate(more))
  }
  more()
}

function errorText(status: number): string {
  const messages: Record<number, string> = {
    400: 'Invalid request',
    401: 'Incorrect API key provided',
    403: 'Forbidden',
    404: 'The model does not exist',
    422: 'Unprocessable',
    500: 'The server had an error',
    503: 'Overloaded',
  }
  return JSON.stringify({ error: { message: messages[status] ?? `Status ${status}`, type: 'error', code: null } })
}
