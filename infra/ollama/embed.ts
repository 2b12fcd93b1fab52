/**
 * Embeddings by `/api/embed`, asked and answered in OpenAI's form.
 *
 * Promise: total. `encoding_format: base64`, which OpenAI's own clients ask for unasked, is made here: little-endian
 * floats of 32 bits. Token ids have no form at Ollama and are refused.
 */
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
import type { EmbedRequest, ModelReply } from '#processors/ports/model-provider.ts'

/** The body to send; undefined where the input is neither a text nor texts. */
export function embedBody({ model, input, parameters }: EmbedRequest): object | undefined {
  const texts = [input].flat()
  if (!texts.every((one) => typeof one === 'string')) return undefined
  const { encoding_format: _, user: __, ...others } = parameters
  return { ...others, model, input }
}

export function readEmbed(asked: Asked, received: Received, { model, parameters }: EmbedRequest): ModelReply {
  const { status, text } = received
  const got = { raw: text, httpStatus: status }
  const parsed = parseLoosely(text)
  if (parsed === undefined) {
    if (text.trim() === '')
      return failure('empty-body', `${asked.url} answered ${status} with an empty body`, { ...got, retryable: true })
    return failure('not-json', `${asked.url} answered ${status} with ${describeBody(text)}, which is not JSON`, got)
  }
  const vectors = isObject(parsed) ? parsed['embeddings'] : undefined
  if (!isObject(parsed) || !Array.isArray(vectors)) {
    const error = errorIn(parsed)
    if (error !== undefined) return failureOfErrorBody(asked, received, error)
    return failure('malformed', `${asked.url} answered ${status} with no embeddings: ${describeBody(text)}`, got)
  }
  const tokens = parsed['prompt_eval_count']
  const promptTokens = Number.isSafeInteger(tokens) ? (tokens as number) : undefined
  const encode = parameters['encoding_format'] === 'base64' ? base64Of : (vector: unknown) => vector
  const raw = JSON.stringify({
    object: 'list',
    data: vectors.map((vector: unknown, index) => ({ object: 'embedding', index, embedding: encode(vector) })),
    model: parsed['model'] ?? model,
    usage: { prompt_tokens: promptTokens ?? 0, total_tokens: promptTokens ?? 0 },
  })
  return { ok: true, content: '', raw, ...(promptTokens !== undefined && { promptTokens }) }
}

function base64Of(vector: unknown): unknown {
  if (!Array.isArray(vector)) return vector
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(Number(value), at * 4)
  return bytes.toString('base64')
}
