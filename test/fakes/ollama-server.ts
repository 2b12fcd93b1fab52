/**
 * A real HTTP server on loopback that speaks Ollama's native API, and misbehaves as told.
 *
 * Promise: every request to `/api/chat` and `/api/embed` is counted on arrival. One entry of the script is used up a call,
 * in order of arrival; after the script the answer is good. A stream goes out a line at a time.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { listening } from './listening.ts'
import { vectorOf } from './openai-answers.ts'

export type OllamaFault =
  | 'ok'
  | 'hang-before-headers'
  | 'hang-mid-stream'
  | 'hang-after-done'
  | 'cut-before-headers'
  | 'cut-mid-stream'
  | 'cut-in-character'
  | 'garbage-line'
  | 'error-line' // `{"error": …}` in the middle
  | 'no-done' // ends well before its answer does
  | 'no-usage'
  | 'html'
  | 'tool-calls'
  | { readonly status: number; readonly error?: string; readonly headers?: Readonly<Record<string, string>> }

export interface FakeOllamaOptions {
  readonly answer?: string
  readonly thinking?: string
  /** Why its answers end. Default `stop`. */
  readonly doneReason?: string
  readonly models?: readonly string[]
}

export interface OllamaCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** As received. */
  readonly body: string
  hungUp: boolean
}

export interface FakeOllama {
  /** Base URL, ending in `/api`. */
  readonly url: string
  readonly calls: readonly OllamaCall[]
  readonly callCount: number
  script(...faults: readonly OllamaFault[]): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface State {
  readonly options: FakeOllamaOptions
  readonly script: OllamaFault[]
  readonly calls: OllamaCall[]
}

export async function startFakeOllama(options: FakeOllamaOptions = {}): Promise<FakeOllama> {
  const state: State = { options, script: [], calls: [] }
  const server = createServer((request, response) => route(state, request, response))
  const { origin, close } = await listening(server)
  return {
    url: `${origin}/api`,
    calls: state.calls,
    get callCount() {
      return state.calls.length
    },
    script: (...faults) => void state.script.push(...faults),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function route(state: State, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?')[0] ?? ''
  if (path === '/api/version') return json(response, 200, { version: '0.13.5' })
  if (path === '/api/tags') {
    const { models = ['llama3.2'] } = state.options
    return json(response, 200, { models: models.map((name) => ({ name, model: name })) })
  }
  if (request.method !== 'POST' || !['/api/chat', '/api/embed'].includes(path)) {
    return json(response, 404, { error: `no ${request.method} ${path} here` })
  }
  const chunks: Buffer[] = []
  const call: OllamaCall & { body: string } = { path, headers: request.headers, body: '', hungUp: false }
  state.calls.push(call)
  const fault = state.script.shift() ?? 'ok'
  response.on('close', () => (call.hungUp = !response.writableFinished))
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    call.body = Buffer.concat(chunks).toString('utf8')
    const body = JSON.parse(call.body) as Record<string, unknown>
    if (typeof fault === 'object') {
      return json(response, fault.status, { error: fault.error ?? `status ${fault.status}` }, fault.headers)
    }
    if (path === '/api/embed') return embed(response, body)
    answer(state.options, body, { fault, request, response })
  })
}

function embed(response: ServerResponse, { model, input }: Record<string, unknown>): void {
  const texts = [input].flat().map(String)
  const embeddings = texts.map((text) => [...vectorOf(text, 8)])
  json(response, 200, { model, embeddings, total_duration: 1, load_duration: 1, prompt_eval_count: texts.length * 3 })
}

interface Given {
  readonly fault: Exclude<OllamaFault, object>
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

function answer(options: FakeOllamaOptions, body: Record<string, unknown>, { fault, request, response }: Given): void {
  if (fault === 'hang-before-headers') return
  if (fault === 'cut-before-headers') return void request.socket.destroy()
  if (fault === 'html') return void response.writeHead(200).end('<!DOCTYPE html><html><title>Sign in</title></html>')
  // Ollama streams unless it is told not to.
  const parts = partsOf(options, body, fault)
  if (body['stream'] === false && !fault.includes('-mid-') && !fault.includes('in-character')) {
    return json(
      response,
      fault === 'error-line' ? 500 : 200,
      fault === 'error-line' ? { error: 'stopped' } : whole(parts),
    )
  }
  const lines = parts.map((part) => `${JSON.stringify(part)}\n`)
  const middle = Math.floor(lines.length / 2)
  if (fault === 'garbage-line') lines.splice(middle, 0, '{"model":"m","mess\n')
  if (fault === 'error-line') lines.splice(middle, 0, '{"error":"model runner has unexpectedly stopped"}\n')
  if (/^(hang|cut)-mid|^no-done/.test(fault)) lines.splice(middle)
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const end = (): void => {
    if (fault === 'cut-mid-stream') return void request.socket.destroy()
    if (fault === 'cut-in-character') {
      const bytes = Buffer.from('{"message":{"role":"assistant","content":"🌍"}}\n')
      return void response.write(bytes.subarray(0, bytes.indexOf('🌍') + 2), () => request.socket.destroy())
    }
    if (!fault.startsWith('hang')) response.end()
  }
  const write = (at: number): void => {
    const line = fault === 'cut-in-character' && at >= middle ? undefined : lines[at]
    if (line === undefined) return end()
    response.write(line, () => setImmediate(write, at + 1))
  }
  write(0)
}

interface Message {
  readonly role: 'assistant'
  readonly content: string
  readonly thinking?: string
  readonly tool_calls?: readonly object[]
}

interface Part {
  readonly message: Message
  readonly [field: string]: unknown
}

function partsOf(
  { answer = 'ok', thinking, doneReason = 'stop' }: FakeOllamaOptions,
  { model }: Record<string, unknown>,
  fault: string,
): Part[] {
  const part = (message: Omit<Message, 'role'>, more: object = { done: false }): Part => ({
    model,
    created_at: '2026-11-21T00:00:00.123456789Z',
    message: { role: 'assistant', ...message },
    ...more,
  })
  const pieces = (text: string) => Array.from(text).map((_, at, all) => all.slice(at * 3, at * 3 + 3).join(''))
  const called = [
    { function: { name: 'weather', arguments: { city: 'Köln', days: 2 } } },
    { id: 'call_x', function: { name: 'time', arguments: {} } },
  ]
  const usage = { prompt_eval_count: 11, eval_count: 5, prompt_eval_duration: 1, eval_duration: 1 }
  return [
    ...pieces(thinking ?? '')
      .filter((text) => text !== '')
      .map((text) => part({ content: '', thinking: text })),
    ...(fault === 'tool-calls'
      ? called.map((call) => part({ content: '', tool_calls: [call] }))
      : pieces(answer)
          .filter((text) => text !== '')
          .map((content) => part({ content }))),
    part({ content: '' }, { done: true, done_reason: doneReason, ...(fault !== 'no-usage' && usage) }),
  ]
}

/** All parts in one, as without `stream`. */
function whole(parts: readonly Part[]): object {
  const messages = parts.map(({ message }) => message)
  const thinking = messages.map((message) => message.thinking ?? '').join('')
  const calls = messages.flatMap((message) => message.tool_calls ?? [])
  return {
    ...parts.at(-1),
    message: {
      role: 'assistant',
      content: messages.map(({ content }) => content).join(''),
      ...(thinking !== '' && { thinking }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  }
}

function json(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
