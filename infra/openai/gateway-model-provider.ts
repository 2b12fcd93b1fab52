/**
 * A gateway that is asked for any model by its name: `POST <url>/v1/chat`, as Lattice and Lakehouse serve it.
 *
 * Promise: that of the other providers. Its answer is `{content, finish_reason, usage}`, or a chat completion.
 */
import type { ModelReply } from '#processors/ports/model-provider.ts'
import { openClient } from '#infra/http/client.ts'
import { exchange, type Exchanged } from '#infra/http/exchange.ts'
import { type Asked, isObject, parseLoosely } from '#infra/http/model-failures.ts'
import type { OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import { tokenUsage } from '#infra/http/token-usage.ts'
import { readCompletion } from './completion.ts'
import { requestBody } from './request-body.ts'

export function openGatewayModelProvider(url: string): OpenedModelProvider {
  const client = openClient(url.replace(/\/+$/, '').replace(/\/v1$/, ''), { apiKey: undefined, local: false })
  const asked: Asked = { url: client.shown, keyVariable: undefined }
  return {
    name: 'gateway',
    url: client.shown,
    defaultModel: '',
    async complete(request, { signal, timeoutMs, trace }) {
      const body = requestBody(request, { stream: false, askUsage: false })
      const call = { method: 'POST', resource: '/v1/chat', body, signal, timeoutMs, trace } as const
      const exchanged = await exchange(client, asked, call)
      return exchanged.failed ?? readChat(exchanged) ?? readCompletion(asked, exchanged)
    },
    close: async () => await client.close(),
  }
}

/** The short form; undefined where the body is none of it. */
function readChat({ text }: Exchanged): ModelReply | undefined {
  const parsed = parseLoosely(text)
  if (!isObject(parsed) || typeof parsed['content'] !== 'string') return undefined
  const { finish_reason: finishReason, run_id: requestId } = parsed
  return {
    ok: true,
    content: parsed['content'],
    raw: text,
    ...(typeof finishReason === 'string' ? { finishReason } : {}),
    ...tokenUsage(parsed['usage']),
    ...(typeof requestId === 'string' ? { requestId } : {}),
  }
}
