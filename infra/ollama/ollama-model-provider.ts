/**
 * Chat completions and embeddings of an Ollama server by its native API: what its OpenAI-compatible one leaves out
 * (`think`, `num_ctx`, `keep_alive`, the reason it ended) passes.
 *
 * Promise: that of every model server: always settles with a reply within `timeoutMs`; an abort ends the upstream request;
 * the body is kept as received; the key is in nothing that is returned. What is handed on and answered has OpenAI's form.
 */
import { openClient, type Client } from '#infra/http/client.ts'
import { exchange, recorded } from '#infra/http/exchange.ts'
import { type Asked, failure, isObject, parseLoosely } from '#infra/http/model-failures.ts'
import type { ModelServerOptions, OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import type {
  CallOptions,
  EmbedRequest,
  ModelReply,
  ModelRequest,
  ProviderHealth,
} from '#processors/ports/model-provider.ts'
import { chatRequest } from './chat-request.ts'
import { embedBody, readEmbed } from './embed.ts'
import { readChat } from './read-chat.ts'

interface Server {
  readonly client: Client
  readonly asked: Asked
}

type Limits = Pick<CallOptions, 'signal' | 'timeoutMs' | 'trace'>

/** `baseUrl` ends in `/api`, as in `http://127.0.0.1:11434/api` or `https://ollama.com/api`. */
export function openOllamaModelProvider(given: ModelServerOptions): OpenedModelProvider {
  const client = openClient(given.baseUrl, { apiKey: given.apiKey, local: given.local ?? false })
  const server: Server = { client, asked: { url: client.shown, keyVariable: given.keyVariable } }
  return {
    name: given.name,
    url: client.shown,
    defaultModel: given.defaultModel,
    complete: async (request, options) => await chat(server, request, options),
    embed: async (request, options) => await embed(server, request, options),
    reread(raw, options) {
      const exchanged = recorded(raw)
      const reader = readChat({ ...options, asked: server.asked, hideKey: (text) => text })
      reader.take(exchanged.bytes)
      return reader.reply(exchanged)
    },
    health: async (options) => await health(server, options),
    close: async () => await client.close(),
  }
}

async function chat(
  { client, asked }: Server,
  request: ModelRequest,
  { onEvent, ...limits }: CallOptions,
): Promise<ModelReply> {
  const written = chatRequest(request, onEvent !== undefined)
  if (written.refused !== undefined) {
    return failure('rejected', `${asked.url} can't be asked: the request holds ${written.refused}`)
  }
  const options = request.parameters['stream_options']
  const wantsUsage = isObject(options) && options['include_usage'] === true
  const reader = readChat({ asked, onEvent, hideKey: client.hideKey, wantsUsage })
  const { take } = reader
  const body = asJson(written.body)
  const exchanged = await exchange(client, asked, { ...limits, method: 'POST', resource: '/chat', body, take })
  return reader.reply(exchanged)
}

async function embed({ client, asked }: Server, request: EmbedRequest, limits: Limits): Promise<ModelReply> {
  const given = embedBody(request)
  if (given === undefined) return failure('rejected', `${asked.url} can't be asked: it embeds texts, no token ids`)
  const body = asJson(given)
  const exchanged = await exchange(client, asked, { ...limits, method: 'POST', resource: '/embed', body })
  return exchanged.failed ?? readEmbed(asked, exchanged, request)
}

/** Both at once, as one may take all the time there is. */
async function health({ client, asked }: Server, limits: Limits): Promise<ProviderHealth> {
  const [version, tags] = await Promise.all(
    ['/version', '/tags'].map(
      async (resource) => await exchange(client, asked, { ...limits, method: 'GET', resource }),
    ),
  )
  if (version?.failed !== undefined) return { answers: false, detail: version.failed.message }
  const told = parseLoosely(version?.text ?? '')
  if (!isObject(told) || typeof told['version'] !== 'string') {
    return { answers: false, detail: `${asked.url} answers, but not as Ollama does` }
  }
  const listed = tags?.failed === undefined ? parseLoosely(tags?.text ?? '') : undefined
  const models = isObject(listed) && Array.isArray(listed['models']) ? listed['models'].length : undefined
  const many = models === undefined ? '' : `, ${models === 1 ? '1 model' : `${models} models`}`
  return { answers: true, detail: `Ollama ${told['version'].slice(0, 40)}${many}` }
}

function asJson(value: object): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
