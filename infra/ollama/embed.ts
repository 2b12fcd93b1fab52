/**
 * Embeddings by `/api/embed`, asked and answered in OpenAI's form.
 *
 * Promise: total. `encoding_format: base64`, which OpenAI's own clients ask for unasked, is made here: little-endian
 * floats of 32 bits. Token ids have no form at Ollama and are refused.
 */
import { type Asked, isObject, type Received } from '#infra/http/model-failures.ts'
import { readBody } from '#infra/http/read-body.ts'
import { tokenCount } from '#infra/http/token-count.ts'
import type { EmbedRequest, ModelReply } from '#processors/ports/model-provider.ts'

/** The body to send; undefined where the input is neither a text nor texts. */
export function embedBody({ model, input, parameters }: EmbedRequest): object | undefined {
  const texts = [input].flat()
  if (!texts.every((one) => typeof one === 'string')) return undefined
  const { encoding_format: _, user: __, ...others } = parameters
  return { ...others, model, input }
}

export function readEmbed(asked: Asked, received: Received, { model, parameters }: EmbedRequest): ModelReply {
  const body = readBody(asked, received, { what: 'embeddings', find: embeddingsIn })
  if (!body.ok) return body
  const { answer, vectors } = body.found
  const promptTokens = tokenCount(answer['prompt_eval_count'])
  const encode = parameters['encoding_format'] === 'base64' ? base64Of : (vector: readonly number[]) => vector
  const raw = JSON.stringify({
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encode(vector) })),
    model: typeof answer['model'] === 'string' ? answer['model'] : model,
    usage: { prompt_tokens: promptTokens ?? 0, total_tokens: promptTokens ?? 0 },
  })
  return { ok: true, content: '', raw, ...(promptTokens !== undefined && { promptTokens }) }
}

interface Embeddings {
  readonly answer: Readonly<Record<string, unknown>>
  readonly vectors: readonly (readonly number[])[]
}

function embeddingsIn(parsed: unknown): Embeddings | undefined {
  const vectors: unknown = isObject(parsed) ? parsed['embeddings'] : undefined
  return isObject(parsed) && Array.isArray(vectors) && vectors.every(isVector) ? { answer: parsed, vectors } : undefined
}

function isVector(one: unknown): one is readonly number[] {
  return Array.isArray(one) && one.every((value) => typeof value === 'number')
}

function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4)
  return bytes.toString('base64')
}
