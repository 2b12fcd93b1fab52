/**
 * A 2xx body read as embeddings.
 *
 * Promise: total. Any text gives the body whole or a typed failure; the vectors are not looked at.
 */
import type { ModelReply } from '#processors/ports/model-provider.ts'
import { type Asked, isObject, type Received } from '#infra/http/model-failures.ts'
import { readBody } from '#infra/http/read-body.ts'
import { tokenCount } from '#infra/http/token-count.ts'
import { requestIdIn } from './completion.ts'

export function readEmbeddings(asked: Asked, received: Received): ModelReply {
  const body = readBody(asked, received, {
    what: 'embeddings',
    find: (parsed) => (isObject(parsed) && Array.isArray(parsed['data']) ? parsed : undefined),
  })
  if (!body.ok) return body
  const usage = isObject(body.found['usage']) ? body.found['usage'] : {}
  const promptTokens = tokenCount(usage['prompt_tokens'])
  const requestId = requestIdIn(received.headers)
  return {
    ok: true,
    content: '',
    raw: received.text,
    ...(promptTokens !== undefined && { promptTokens }),
    ...(requestId !== undefined && { requestId }),
  }
}
