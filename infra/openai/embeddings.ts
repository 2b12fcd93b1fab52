/**
 * A 2xx body read as embeddings.
 *
 * Promise: total. Any text gives the body whole or a typed failure; the vectors are not looked at.
 */
import type { ModelReply } from '#processors/ports/model-provider.ts'
import {
  type Asked,
  describeBody,
  errorIn,
  failure,
  failureOfErrorBody,
  isObject,
  parseLoosely,
  type Received,
} from '#infra/http/model-failures.ts'
import { tokenCount } from '#infra/http/token-count.ts'
import { requestIdIn } from './completion.ts'

export function readEmbeddings(asked: Asked, received: Received): ModelReply {
  const { status, headers, text } = received
  const got = { raw: text, httpStatus: status }
  if (text.trim() === '') {
    return failure('empty-body', `${asked.url} answered ${status} with an empty body`, { ...got, retryable: true })
  }
  const parsed = parseLoosely(text)
  if (parsed === undefined) {
    return failure('not-json', `${asked.url} answered ${status} with ${describeBody(text)}, which is not JSON`, got)
  }
  if (isObject(parsed) && Array.isArray(parsed['data'])) {
    const usage = isObject(parsed['usage']) ? parsed['usage'] : {}
    const promptTokens = tokenCount(usage['prompt_tokens'])
    const requestId = requestIdIn(headers)
    return {
      ok: true,
      content: '',
      raw: text,
      ...(promptTokens !== undefined && { promptTokens }),
      ...(requestId !== undefined && { requestId }),
    }
  }
  const error = errorIn(parsed)
  if (error !== undefined) return failureOfErrorBody(asked, received, error)
  return failure('malformed', `${asked.url} answered ${status} with no embeddings: ${describeBody(text)}`, got)
}
