/**
 * Chat completions and embeddings of an OpenAI-compatible server.
 *
 * Promise: always settles with a reply, whatever the server does, within `timeoutMs`; an abort ends the upstream
 * request; the body is kept whole as received, up to `answerLimitBytes`, also of a failure; the key is in nothing that
 * is returned. One call is one request: no retry, no redirect.
 */
import { isUtf8 } from 'node:buffer'
import type {
  CallOptions,
  EmbedRequest,
  ModelProvider,
  ModelReply,
  ModelRequest,
} from '#processors/ports/model-provider.ts'
import { type Client, openClient } from '#infra/http/client.ts'
import { exchange, type Exchanged } from '#infra/http/exchange.ts'
import { type Asked, failure, isObject, parseLoosely } from '#infra/http/model-failures.ts'
import type { ModelServerOptions, OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import { readCompletion } from './completion.ts'
import { readEmbeddings } from './embeddings.ts'
import { requestBody, wantsUsage } from './request-body.ts'
import { rereadCompletion } from './reread-completion.ts'
import { streamCompletion } from './stream-completion.ts'

interface Server {
  readonly client: Client
  readonly asked: Asked
  /** Whether a stream is asked for its usage although the caller did not: until the server says it does not know how. */
  askUsage: boolean
}

export function openOpenAiModelProvider(given: ModelServerOptions): OpenedModelProvider {
  const client = openClient(given.baseUrl, { apiKey: given.apiKey, local: given.local ?? false })
  const server: Server = { client, asked: { url: client.shown, keyVariable: given.keyVariable }, askUsage: true }
  return {
    name: given.name,
    url: client.shown,
    defaultModel: given.defaultModel,
    async complete(request, options) {
      const { onEvent } = options
      if (onEvent === undefined) return await complete(server, request, options)
      return await stream(server, request, { ...options, onEvent })
    },
    embed: async (request, options) => await embed(server, request, options),
    reread: (raw, options) => rereadCompletion(server.asked, raw, options),
    health: async (options) => await health(server, options),
    close: async () => await client.close(),
  }
}

type Limits = Pick<CallOptions, 'signal' | 'timeoutMs' | 'trace'>

async function complete({ client, asked }: Server, request: ModelRequest, limits: Limits): Promise<ModelReply> {
  const body = requestBody(request, { stream: false, askUsage: false })
  const exchanged = await exchange(client, asked, { ...limits, method: 'POST', resource: '/chat/completions', body })
  return exchanged.failed ?? notUtf8(asked, exchanged) ?? readCompletion(asked, exchanged)
}

async function stream(
  server: Server,
  request: ModelRequest,
  { onEvent, ...limits }: Limits & { readonly onEvent: (data: string) => void },
): Promise<ModelReply> {
  const { client, asked, askUsage } = server
  const wanted = wantsUsage(request)
  const body = requestBody(request, { stream: true, askUsage })
  const reader = streamCompletion({ asked, onEvent, hideKey: client.hideKey, wantsUsage: wanted })
  const { take } = reader
  const exchanged = await exchange(client, asked, {
    ...limits,
    method: 'POST',
    resource: '/chat/completions',
    body,
    take,
  })
  const reply = reader.reply(exchanged)
  if (wanted || !askUsage || reply.ok || reply.code !== 'rejected' || !/stream_options|include_usage/.test(reply.raw)) {
    return reply
  }
  // It refuses what the caller did not ask for: the next call goes without.
  server.askUsage = false
  return { ...reply, retryable: true }
}

async function embed({ client, asked }: Server, request: EmbedRequest, limits: Limits): Promise<ModelReply> {
  const body = embeddingsBody(request)
  const exchanged = await exchange(client, asked, { ...limits, method: 'POST', resource: '/embeddings', body })
  return exchanged.failed ?? notUtf8(asked, exchanged) ?? readEmbeddings(asked, exchanged)
}

function embeddingsBody({ model, input, parameters }: EmbedRequest): string | undefined {
  try {
    return JSON.stringify({ ...parameters, model, input })
  } catch {
    return undefined
  }
}

/** A server without a list of models, or a busy one, still answers; one that refuses the key will refuse every call. */
async function health(
  { client, asked }: Server,
  limits: Limits,
): Promise<Awaited<ReturnType<NonNullable<ModelProvider['health']>>>> {
  const { status, text, failed } = await exchange(client, asked, { ...limits, method: 'GET', resource: '/models' })
  if (failed !== undefined) return { answers: [404, 405, 429].includes(status), detail: failed.message }
  const parsed = parseLoosely(text)
  if (!isObject(parsed) || !('data' in parsed)) {
    return { answers: false, detail: `${asked.url} answered ${status} without a list of models` }
  }
  const models = Array.isArray(parsed['data']) ? parsed['data'].length : 0
  return { answers: true, detail: models === 1 ? '1 model' : `${models} models` }
}

function notUtf8(asked: Asked, { bytes, headers, status, text }: Exchanged): ModelReply | undefined {
  if (isUtf8(bytes) || headers['content-encoding'] !== undefined) return undefined
  return failure('not-json', `${asked.url} answered ${status} with bytes that are not UTF-8`, {
    raw: text,
    httpStatus: status,
  })
}
