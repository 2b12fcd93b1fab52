/**
 * What a good OpenAI-compatible server answers: completions and embeddings, the same for the same question.
 */
import { createHash } from 'node:crypto'

export interface ChatBody {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: unknown }[]
  readonly [field: string]: unknown
}

export type Completion = Readonly<Record<string, unknown>>

export interface ToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

/** A good completion, with `n` choices and `logprobs` where they are asked for. */
export function completionOf(content: string, { model, n, logprobs }: Partial<ChatBody>): Completion {
  const tokens = content.split(/(?<=\s)/)
  const choices = Array.from({ length: typeof n === 'number' ? n : 1 }, (_, index) => ({
    index,
    message: { role: 'assistant', content },
    ...(logprobs === true && {
      logprobs: { content: tokens.map((token) => ({ token, logprob: -0.5, bytes: [...Buffer.from(token)] })) },
    }),
    finish_reason: 'stop',
  }))
  return completion(model ?? 'fake', choices, content.split(/\s+/).length * choices.length)
}

/** A completion that calls tools. */
export function toolCallsOf(calls: readonly ToolCall[], { model }: Partial<ChatBody> = {}): Completion {
  const message = { role: 'assistant', content: null, tool_calls: calls }
  return completion(model ?? 'fake', [{ index: 0, message, finish_reason: 'tool_calls' }], 20)
}

/** Two calls at once, with arguments that hold quotes, braces and more than ASCII. */
export const parallelCalls: readonly ToolCall[] = [
  { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln","say":"\\"{}\\" 🌍"}' } },
  { id: 'call_2', type: 'function', function: { name: 'time', arguments: '{"zone":"Europe/Berlin"}' } },
]

/** Vectors of eight numbers, or of `dimensions`, from the text alone; base64 where it is asked for. */
export function embeddingsOf(body: Readonly<Record<string, unknown>>): Completion {
  const given: unknown[] = Array.isArray(body['input']) ? body['input'] : [body['input']]
  const inputs = given.every((one) => typeof one === 'number') ? [given] : given
  const dimensions = typeof body['dimensions'] === 'number' ? body['dimensions'] : 8
  const data = inputs.map((input, index) => {
    const vector = vectorOf(JSON.stringify(input), dimensions)
    const embedding = body['encoding_format'] === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector]
    return { object: 'embedding', index, embedding }
  })
  const tokens = inputs.length * 3
  return {
    object: 'list',
    data,
    model: body['model'] ?? 'fake',
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

export function vectorOf(text: string, dimensions: number): Float32Array {
  const digest = createHash('sha256').update(text).digest()
  return Float32Array.from({ length: dimensions }, (_, at) => (digest[at % digest.length] ?? 0) / 256)
}

function completion(model: string, choices: readonly unknown[], tokens: number): Completion {
  return {
    id: 'chatcmpl-fake',
    object: 'chat.completion',
    created: 1_767_225_600,
    model,
    choices,
    usage: { prompt_tokens: 10, completion_tokens: tokens, total_tokens: 10 + tokens },
  }
}
