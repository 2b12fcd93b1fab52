/**
 * A serving process in the test's own: all roles on an embedded log in a folder of its own, a fake model server behind
 * it, and a real socket in front.
 *
 * Promise: `ask` holds every answer against the OpenAPI document.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttp } from '#api/http/server.ts'
import type { Http, HttpOptions } from '#api/http/route.ts'
import { routes } from '#api/routes/routes.ts'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { StoreName } from '#processors/catalog.ts'
import { need, start } from '#processors/start.ts'
import type { Lattice } from '#processors/start.ts'
import { gatewayOf } from '#processors/gateway.ts'
import { tasksOf } from '#processors/tasks.ts'
import { work } from '#processors/work.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { undocumented } from './documented.ts'
import type { OpenApi } from './documented.ts'

export interface Serving {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly http: Http
  readonly lattice: Lattice
  readonly models: FakeOpenAi
  readonly signals: readonly Signal[]
  readonly document: OpenApi
  /** Sends `body` as JSON unless it is text already. */
  ask(path: string, options?: AskOptions): Promise<Answer>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface AskOptions {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; undefined where it is none. The document has held it to its schema already. */
  readonly json: ReturnType<typeof JSON.parse>
  /** `code` of a problem, or of an error in the form of the OpenAI API. */
  readonly code: string | undefined
}

export interface ServingOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly http?: Partial<HttpOptions>
  /** Default all. */
  readonly stores?: readonly StoreName[]
  /** Default true. */
  readonly worker?: boolean
  /** The folder of another one, which stays when this one is closed. */
  readonly folder?: string
  readonly changed?: (lattice: Lattice) => Lattice
}

export async function serving(options: ServingOptions = {}): Promise<Serving> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'lattice-http-'))
  const models = await startFakeOpenAi({ answer: 'forty-two' })
  const signals: Signal[] = []
  const { config } = readConfig({
    env: {
      LATTICE_DATA: join(folder, 'data'),
      LATTICE_RUNS_DIR: join(folder, 'runs'),
      LATTICE_PROVIDER: 'openai',
      OPENAI_API_KEY: 'test-key-of-the-fake-server',
      OPENAI_BASE_URL: models.url,
      ...options.env,
    },
    folder,
  })
  const { given, close } = await assemble(config, (signal) => void signals.push(signal))
  const started = await start(given, {
    role: 'test',
    stores: options.stores ?? ['lookup', 'search', 'folders', 'warehouse'],
  })
  const lattice = options.changed?.(started) ?? started
  const worker = options.worker === false ? undefined : await work(lattice)
  const opened = {
    lattice,
    tasks: tasksOf(lattice),
    gateway: gatewayOf(lattice),
    store: <Name extends StoreName>(name: Name) => need(lattice, name),
    work: () => work(lattice),
    close: () => lattice.close(),
  }
  const http = await createHttp(opened, {
    routes,
    version: '0.0.0',
    tokens: new Map(),
    corsOrigins: [],
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'lattice_up 1\n' }),
    ...options.http,
  })
  await http.listen({ host: '127.0.0.1', port: 0 })
  const { port } = http.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const document = http.swagger() as unknown as OpenApi

  const closeAll = async (): Promise<void> => {
    await http.close()
    await worker?.stop(1000)
    await lattice.close()
    await close()
    await models.close()
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
  }
  return {
    url,
    port,
    folder,
    http,
    lattice,
    models,
    signals,
    document,
    async ask(path, { method = 'GET', body, headers = {} } = {}) {
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(text === undefined ? {} : { body: text }),
      })
      const answer = await answerOf(response)
      const wrong = undocumented(document, {
        method,
        path,
        status: answer.status,
        headers: answer.headers,
        text: answer.text,
      })
      if (wrong.length > 0)
        throw new Error(
          `${method} ${path} answers what is not documented:\n${wrong.join('\n')}\n${answer.text.slice(0, 500)}`,
        )
      return answer
    },
    close: closeAll,
    [Symbol.asyncDispose]: closeAll,
  }
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const json: Answer['json'] =
    response.headers.get('content-type')?.includes('json') === true && text !== '' ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, json, code: json?.code ?? json?.error?.code }
}
