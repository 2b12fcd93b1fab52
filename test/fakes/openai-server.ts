/**
 * A real HTTP server on loopback that speaks OpenAI's chat completions, streamed or not, and embeddings, and misbehaves
 * as told.
 *
 * Promise: every request to `/chat/completions` is counted on arrival, before anything goes wrong with it, so a test can
 * compare calls made with attempts recorded. One entry of the script is used up a call, in order of arrival; after the
 * script, `always` applies, and without it the answer is good. `/embeddings` takes from the same script and counts apart.
 * Any path ending in one of these or in `/models` works, so any base URL does.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  type ChatBody,
  type Completion,
  completionOf,
  embeddingsOf,
  parallelCalls,
  toolCallsOf,
} from './openai-answers.ts'
import { listening } from './listening.ts'
import { commit, type Fault, type OtherAnswer } from './openai-faults.ts'
import { chunksOf, writtenEvents } from './openai-stream.ts'

export interface FakeOpenAiOptions {
  /** 0 takes a free one. */
  readonly port?: number
  readonly answer?: FakeAnswer
  /** Each good answer waits this long. */
  readonly latencyMs?: number
  /** Characters of a streamed answer's text a chunk. Default 4. */
  readonly chunkSize?: number
  /** Time between two events of a stream, each then written on its own; without, a stream is written at once. */
  readonly chunkDelayMs?: number | undefined
  /** What `GET /models` lists; undefined answers it with 404. */
  readonly models?: readonly string[] | undefined
  /** Without: calls are only counted, which is faster and holds no memory. Default true. */
  readonly recordCalls?: boolean
}

/** The content, or a function of the request body giving it, or the whole completion as an object. */
export type FakeAnswer = string | ((body: ChatBody) => string | Record<string, unknown>)

export interface RecordedCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** As received. */
  readonly body: string
  /** `performance.now()` on arrival. */
  readonly at: number
  /** The client's: one a connection. */
  readonly port: number | undefined
  /** Whether the client closed the connection before it had the whole answer. */
  hungUp: boolean
}

export interface FakeOpenAi {
  /** Base URL, ending in `/v1`. */
  readonly url: string
  readonly calls: readonly RecordedCall[]
  readonly callCount: number
  readonly embeddingCount: number
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
  embeddings: number
}

export async function startFakeOpenAi(options: FakeOpenAiOptions = {}): Promise<FakeOpenAi> {
  const state: State = {
    options,
    answer: '',
    constant: undefined,
    script: [],
    always: undefined,
    calls: [],
    count: 0,
    embeddings: 0,
  }
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => route(state, request, response))
  server.on('connection', (socket) => socket.setNoDelay(true))
  const { origin, close } = await listening(server, options.port)
  const answerWith = (answer: FakeAnswer) => {
    state.answer = answer
    state.constant = typeof answer === 'string' ? Buffer.from(JSON.stringify(completionOf(answer, {}))) : undefined
  }
  answerWith(options.answer ?? 'ok')
  return {
    url: `${origin}/v1`,
    get calls() {
      return state.calls
    },
    get callCount() {
      return state.count
    },
    get embeddingCount() {
      return state.embeddings
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
  state.embeddings = 0
  state.script = []
  state.always = undefined
}

function route(state: State, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?')[0] ?? ''
  response.sendDate = false
  if (request.method === 'POST' && path.endsWith('/chat/completions')) return chat(state, path, request, response)
  if (request.method === 'POST' && path.endsWith('/embeddings')) return embeddings(state, path, request, response)
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
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const bytes = Buffer.concat(chunks)
    const { constant } = state
    // What only counts and answers the same is not even read, for benches.
    if (!recordCalls && fault === undefined && constant !== undefined && !bytes.includes('"stream":true')) {
      return afterwards(latencyMs, () => sendBytes(response, constant))
    }
    const body = bytes.toString('utf8')
    if (recordCalls) record(state, path, body, request, response)
    const asked = parsed(body)
    if (asked === undefined) return sendJson(response, 400, { error: { message: 'the body is not JSON' } })
    const answer = answering(state, asked)
    const streamed = asked['stream'] === true
    const sendOther = (other: OtherAnswer) => answer.send(response, other)
    const sendGood = () => sendOther({})
    if (fault === undefined) return afterwards(latencyMs, sendGood)
    const good = Buffer.from(streamed ? answer.events({}).join('') : JSON.stringify(answer.completion({})))
    commit(fault, { request, response, good, streamed, sendGood, sendOther })
  })
}

function afterwards(ms: number, then: () => void): void {
  if (ms === 0) then()
  else setTimeout(then, ms)
}

function embeddings(state: State, path: string, request: IncomingMessage, response: ServerResponse): void {
  state.embeddings++
  const fault = state.script.shift() ?? state.always
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString('utf8')
    if (state.options.recordCalls ?? true) record(state, path, body, request, response)
    const good = Buffer.from(JSON.stringify(embeddingsOf(parsed(body) ?? {})))
    const sendGood = () => sendBytes(response, good)
    if (fault === undefined) sendGood()
    else commit(fault, { request, response, good, streamed: false, sendGood, sendOther: sendGood })
  })
}

function parsed(body: string): ChatBody | undefined {
  try {
    return JSON.parse(body) as ChatBody
  } catch {
    return undefined
  }
}

interface Answering {
  completion(other: OtherAnswer): Completion
  events(other: OtherAnswer): string[]
  send(response: ServerResponse, other: OtherAnswer): void
}

/** The answer to one question, in all the forms it may be given in. */
function answering({ answer, options }: State, body: ChatBody): Answering {
  const given = typeof answer === 'string' ? answer : answer(body)
  const good = typeof given === 'string' ? completionOf(given, { ...body, model: body.model ?? 'fake' }) : given
  const completion = (other: OtherAnswer): Completion => {
    if (other.completion === 'tool-calls') return toolCallsOf(parallelCalls, body)
    return other.completion === 'no-usage' ? { ...good, usage: undefined } : good
  }
  const events = (other: OtherAnswer): string[] => {
    const wanted = body['stream_options'] as { include_usage?: boolean } | undefined
    const { chunkSize = 4 } = options
    const chunks = chunksOf(completion(other), { chunkSize, usage: wanted?.include_usage === true })
    const { stream } = other
    return writtenEvents(
      chunks,
      stream === 'none' || stream === 'wrong-content-type' || stream === 'hang' ? undefined : stream,
    )
  }
  return {
    completion,
    events,
    send(response, other) {
      if (body['stream'] !== true || other.stream === 'none') return sendJson(response, 200, completion(other))
      const type = other.stream === 'wrong-content-type' ? 'application/json' : 'text/event-stream; charset=utf-8'
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' })
      const end = () => void (other.stream === 'hang' || response.end())
      writeEvents(response, events(other), { delayMs: options.chunkDelayMs, end })
    },
  }
}

function writeEvents(
  response: ServerResponse,
  events: readonly string[],
  { delayMs, end }: { readonly delayMs: number | undefined; readonly end: () => void },
): void {
  if (delayMs === undefined) {
    response.write(events.join(''))
    return end()
  }
  const write = (at: number): void => {
    const event = events[at]
    if (event === undefined || response.destroyed) return end()
    response.write(event)
    if (delayMs === 0) setImmediate(write, at + 1)
    else setTimeout(write, delayMs, at + 1)
  }
  write(0)
}

function record(state: State, path: string, body: string, request: IncomingMessage, response: ServerResponse): void {
  const call: RecordedCall = {
    path,
    headers: request.headers,
    body,
    at: performance.now(),
    port: request.socket.remotePort,
    hungUp: false,
  }
  state.calls.push(call)
  response.on('close', () => (call.hungUp = !response.writableFinished))
}

/** `GET /calls` → `{count, embeddings}`; with `?detail=1` the calls too; `DELETE /calls` resets. For a fake in another process. */
function callsRoute(state: State, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'DELETE') reset(state)
  const detail = (request.url ?? '').includes('detail=1')
  sendJson(response, 200, { count: state.count, embeddings: state.embeddings, ...(detail && { calls: state.calls }) })
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
