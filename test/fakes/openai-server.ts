/**
 * A real HTTP server on loopback that speaks OpenAI's chat completions and misbehaves as told.
 *
 * Promise: every request to `/chat/completions` is counted on arrival, before anything goes wrong with it, so a test can
 * compare calls made with attempts recorded. One entry of the script is used up a call, in order of arrival; after the
 * script, `always` applies, and without it the answer is good. Any path ending in `/chat/completions` or `/models` works,
 * so any base URL does.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { commit, type Fault } from './openai-faults.ts'

export interface FakeOpenAiOptions {
  /** 0 takes a free one. */
  readonly port?: number
  readonly answer?: FakeAnswer
  /** Each good answer waits this long. */
  readonly latencyMs?: number
  /** What `GET /models` lists; undefined answers it with 404. */
  readonly models?: readonly string[] | undefined
  /** Without: calls are only counted, which is faster and holds no memory. Default true. */
  readonly recordCalls?: boolean
}

/** The content, or a function of the request body giving it, or the whole completion as an object. */
export type FakeAnswer = string | ((body: ChatBody) => string | Record<string, unknown>)

export interface ChatBody {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: unknown }[]
  readonly [field: string]: unknown
}

export interface RecordedCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** As received. */
  readonly body: string
  /** `performance.now()` on arrival. */
  readonly at: number
  /** Whether the client closed the connection before it had the whole answer. */
  hungUp: boolean
}

export interface FakeOpenAi {
  /** Base URL, ending in `/v1`. */
  readonly url: string
  readonly calls: readonly RecordedCall[]
  readonly callCount: number
  /** Faults for the next calls, added to what is left of the script. */
  script(...faults: readonly Fault[]): void
  /** What happens after the script; undefined for good answers. */
  always(fault: Fault | undefined): void
  answerWith(answer: FakeAnswer): void
  /** Forgets calls, script and `always`. */
  reset(): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface State {
  readonly options: FakeOpenAiOptions
  answer: FakeAnswer
  /** The answer's bytes when it is the same for every call. */
  constant: Buffer | undefined
  script: Fault[]
  always: Fault | undefined
  calls: RecordedCall[]
  count: number
}

export async function startFakeOpenAi(options: FakeOpenAiOptions = {}): Promise<FakeOpenAi> {
  const state: State = { options, answer: '', constant: undefined, script: [], always: undefined, calls: [], count: 0 }
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => route(state, request, response))
  server.on('connection', (socket) => socket.setNoDelay(true))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  const answerWith = (answer: FakeAnswer) => {
    state.answer = answer
    state.constant = typeof answer === 'string' ? completion(answer, 'fake') : undefined
  }
  answerWith(options.answer ?? 'ok')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get calls() {
      return state.calls
    },
    get callCount() {
      return state.count
    },
    script: (...faults) => void state.script.push(...faults),
    always: (fault) => (state.always = fault),
    answerWith,
    reset: () => reset(state),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function reset(state: State): void {
  state.calls = []
  state.count = 0
  state.script = []
  state.always = undefined
}

function route(state: State, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?')[0] ?? ''
  response.sendDate = false
  if (request.method === 'POST' && path.endsWith('/chat/completions')) return chat(state, path, request, response)
  if (request.method === 'GET' && path.endsWith('/models') && state.options.models !== undefined) {
    return sendJson(response, 200, {
      object: 'list',
      data: state.options.models.map((id) => ({ id, object: 'model' })),
    })
  }
  if (path === '/calls') return callsRoute(state, request, response)
  if (path === '/script' && request.method === 'POST') return scriptRoute(state, request, response)
  sendJson(response, 404, { error: { message: `no ${request.method} ${path} here` } })
}

function chat(state: State, path: string, request: IncomingMessage, response: ServerResponse): void {
  state.count++
  const fault = state.script.shift() ?? state.always
  const { recordCalls = true, latencyMs = 0 } = state.options
  if (!recordCalls && fault === undefined && state.constant !== undefined) {
    const { constant } = state
    request.resume()
    const end = () => sendBytes(response, constant)
    return void request.on('end', latencyMs === 0 ? end : () => setTimeout(end, latencyMs))
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString('utf8')
    if (recordCalls) record(state, path, body, request, response)
    const good = state.constant ?? answerTo(state.answer, body)
    const sendGood = () => sendBytes(response, good)
    if (fault !== undefined) commit(fault, { request, response, good, sendGood })
    else if (latencyMs === 0) sendGood()
    else setTimeout(sendGood, latencyMs)
  })
}

function record(state: State, path: string, body: string, request: IncomingMessage, response: ServerResponse): void {
  const call: RecordedCall = { path, headers: request.headers, body, at: performance.now(), hungUp: false }
  state.calls.push(call)
  response.on('close', () => (call.hungUp = !response.writableFinished))
}

function answerTo(answer: FakeAnswer, body: string): Buffer {
  const parsed = JSON.parse(body) as ChatBody
  const given = typeof answer === 'string' ? answer : answer(parsed)
  return typeof given === 'string' ? completion(given, parsed.model) : Buffer.from(JSON.stringify(given))
}

/** A good completion. */
function completion(content: string, model: string): Buffer {
  const words = content.split(/\s+/).length
  return Buffer.from(
    JSON.stringify({
      id: 'chatcmpl-fake',
      object: 'chat.completion',
      created: 1_767_225_600,
      model,
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: words, total_tokens: 10 + words },
    }),
  )
}

/** `GET /calls` → `{count}`; with `?detail=1` the calls too; `DELETE /calls` resets. For a fake in another process. */
function callsRoute(state: State, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'DELETE') reset(state)
  const detail = (request.url ?? '').includes('detail=1')
  sendJson(response, 200, { count: state.count, ...(detail && { calls: state.calls }) })
}

/** `POST /script` with `{script?: Fault[], always?: Fault | null}`. */
function scriptRoute(state: State, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const given = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { script?: Fault[]; always?: Fault | null }
    state.script.push(...(given.script ?? []))
    if (given.always !== undefined) state.always = given.always ?? undefined
    sendJson(response, 200, { left: state.script.length })
  })
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  response.end(bytes)
}

function sendBytes(response: ServerResponse, bytes: Buffer): void {
  response.writeHead(200, ['content-type', 'application/json', 'content-length', String(bytes.length)])
  response.end(bytes)
}
