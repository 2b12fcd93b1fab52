/**
 * Ollama's answers, one part after another, told in OpenAI's form: as chunks while they come, as a completion at the end.
 *
 * Promise: total and linear. An answer in one part and the same in many give the same completion. `thinking` becomes
 * `reasoning_content`; a tool call's arguments become a text and it gets an id, where it has none; `done_reason` is always
 * told, as `tool_calls` where tools were called and nothing else ended the answer.
 */
import { randomUUID } from 'node:crypto'
import { isObject } from '#infra/http/model-failures.ts'
import { tokenCount } from '#infra/http/token-count.ts'

export interface ChatAnswer {
  /** Takes one part; the chunks it makes, unless nobody wants them. */
  add(part: Readonly<Record<string, unknown>>): string[]
  /** The part that ends the answer has come. */
  readonly done: boolean
  /** Some part held a message. */
  readonly begun: boolean
  readonly content: string
  readonly finishReason: string | undefined
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
  completion(): string
}

interface ToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: unknown; readonly arguments: string }
}

export function chatAnswer({ chunks: wanted, usage: wantsUsage }: { chunks: boolean; usage: boolean }): ChatAnswer {
  const id = `chatcmpl-${randomUUID()}`
  let head: { id: string; created: number; model: unknown } | undefined
  let content = ''
  let thinking = ''
  const calls: ToolCall[] = []
  const logprobs: unknown[] = []
  let [done, begun] = [false, false]
  let finishReason: string | undefined
  let promptTokens: number | undefined
  let completionTokens: number | undefined

  const usage = () =>
    promptTokens === undefined && completionTokens === undefined
      ? undefined
      : {
          prompt_tokens: promptTokens ?? 0,
          completion_tokens: completionTokens ?? 0,
          total_tokens: (promptTokens ?? 0) + (completionTokens ?? 0),
        }
  const chunk = (choices: readonly object[], more: object = {}) =>
    JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })

  /** The chunk of one part's message; undefined where it says nothing. */
  const take = (message: Readonly<Record<string, unknown>>, given: unknown): string | undefined => {
    const { content: text, thinking: thought, tool_calls: called } = message
    const delta: Record<string, unknown> = begun ? {} : { role: 'assistant', content: '' }
    begun = true
    if (typeof text === 'string' && text !== '') {
      content += text
      delta['content'] = text
    }
    if (typeof thought === 'string' && thought !== '') {
      thinking += thought
      delta['reasoning_content'] = thought
    }
    const more = Array.isArray(called) ? called.filter(isObject).map(toolCall) : []
    if (more.length > 0) delta['tool_calls'] = more.map((call, at) => ({ index: calls.length + at, ...call }))
    calls.push(...more)
    const tokens: unknown[] = Array.isArray(given) ? given : []
    for (const one of tokens) logprobs.push(one)
    if (!wanted || Object.keys(delta).length === 0) return undefined
    const certain = tokens.length > 0 ? { logprobs: { content: tokens } } : {}
    return chunk([{ index: 0, delta, ...certain, finish_reason: null }])
  }

  return {
    add(part) {
      head ??= { id, created: secondsOf(part['created_at']), model: part['model'] }
      const { message } = part
      const made = isObject(message) ? take(message, part['logprobs']) : undefined
      const chunks = made === undefined ? [] : [made]
      if (part['done'] !== true) return chunks
      done = true
      finishReason = reasonOf(part['done_reason'], calls.length > 0)
      promptTokens = tokenCount(part['prompt_eval_count'])
      completionTokens = tokenCount(part['eval_count'])
      if (!wanted) return chunks
      chunks.push(chunk([{ index: 0, delta: {}, finish_reason: finishReason }]))
      const used = usage()
      if (wantsUsage && used !== undefined) chunks.push(chunk([], { usage: used }))
      return chunks
    },
    get done() {
      return done
    },
    get begun() {
      return begun
    },
    get content() {
      return content
    },
    get finishReason() {
      return finishReason
    },
    get promptTokens() {
      return promptTokens
    },
    get completionTokens() {
      return completionTokens
    },
    completion() {
      const message = {
        role: 'assistant',
        content: content === '' && calls.length > 0 ? null : content,
        ...(thinking !== '' && { reasoning_content: thinking }),
        ...(calls.length > 0 && { tool_calls: calls }),
      }
      const certain = logprobs.length > 0 ? { logprobs: { content: logprobs } } : {}
      const used = usage()
      return JSON.stringify({
        ...head,
        object: 'chat.completion',
        choices: [{ index: 0, message, ...certain, finish_reason: finishReason ?? null }],
        ...(used !== undefined && { usage: used }),
      })
    },
  }
}

function toolCall(given: Readonly<Record<string, unknown>>): ToolCall {
  const called = isObject(given['function']) ? given['function'] : {}
  const { name, arguments: args } = called
  return {
    id: typeof given['id'] === 'string' && given['id'] !== '' ? given['id'] : `call_${randomUUID()}`,
    type: 'function',
    function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args ?? {}) },
  }
}

/** `load` and `unload` end a request that asked for no answer. */
function reasonOf(given: unknown, called: boolean): string {
  const reason = typeof given === 'string' && !['', 'load', 'unload'].includes(given) ? given : 'stop'
  return called && reason === 'stop' ? 'tool_calls' : reason
}

function secondsOf(createdAt: unknown): number {
  const ms = typeof createdAt === 'string' ? Date.parse(createdAt) : Number.NaN
  return Math.floor((Number.isNaN(ms) ? Date.now() : ms) / 1000)
}
