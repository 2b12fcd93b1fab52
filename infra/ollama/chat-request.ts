/**
 * An OpenAI chat request as one of Ollama's `/api/chat`.
 *
 * Promise: pure. A sampling parameter becomes its option, `response_format` a format, `reasoning_effort` a `think`; an
 * option the caller has set itself stays; a field nobody knows is sent as it is. What Ollama has no form for (an image
 * behind a URL, arguments that are no JSON) is refused in words, never sent as something else. `n`, `logit_bias`,
 * `parallel_tool_calls` and `tool_choice` other than `none` have no form either and no harm in being left out.
 * Forms: github.com/ollama/ollama/blob/main/docs/api.md and openai/openai.go.
 */
import { isObject } from '#infra/http/model-failures.ts'
import type { ChatMessage, ModelRequest } from '#processors/ports/model-provider.ts'

export type OllamaRequest =
  | { readonly body: Readonly<Record<string, unknown>>; readonly refused?: undefined }
  | { readonly refused: string }

/** What Ollama calls the same otherwise, among its options. */
const optionOf: Readonly<Record<string, string>> = {
  max_tokens: 'num_predict',
  max_completion_tokens: 'num_predict',
  temperature: 'temperature',
  top_p: 'top_p',
  top_k: 'top_k',
  min_p: 'min_p',
  seed: 'seed',
  stop: 'stop',
  frequency_penalty: 'frequency_penalty',
  presence_penalty: 'presence_penalty',
  repeat_penalty: 'repeat_penalty',
  num_ctx: 'num_ctx',
}

/** Read here, or without a form. */
const own = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'response_format',
  'reasoning_effort',
  'tool_choice',
  'tools',
  'options',
  'n',
  'logit_bias',
  'parallel_tool_calls',
])

export function chatRequest({ model, messages, parameters }: ModelRequest, stream: boolean): OllamaRequest {
  const written = messagesOf(messages)
  if (typeof written === 'string') return { refused: written }
  const options: Record<string, unknown> = {}
  const others: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(parameters)) {
    const option = optionOf[field]
    if (option !== undefined && value !== null) options[option] = option === 'stop' ? [value].flat() : value
    else if (option === undefined && !own.has(field)) others[field] = value
  }
  Object.assign(options, parameters['options'])
  const format = formatOf(parameters['response_format'])
  const think = thinkOf(parameters['reasoning_effort'])
  const tools = parameters['tool_choice'] === 'none' ? undefined : parameters['tools']
  return {
    body: {
      ...(format !== undefined && { format }),
      ...(think !== undefined && { think }),
      ...others,
      ...(tools !== undefined && { tools }),
      ...(Object.keys(options).length > 0 && { options }),
      model,
      messages: written,
      stream,
    },
  }
}

/** `json`, or the schema itself. */
function formatOf(given: unknown): unknown {
  if (!isObject(given)) return undefined
  if (given['type'] === 'json_object') return 'json'
  const schema = given['json_schema']
  return given['type'] === 'json_schema' && isObject(schema) ? schema['schema'] : undefined
}

function thinkOf(effort: unknown): unknown {
  if (effort === 'none') return false
  return effort === 'minimal' ? 'low' : (effort ?? undefined)
}

/** The messages, or why they can't be sent. */
function messagesOf(messages: readonly ChatMessage[]): object[] | string {
  /** Ollama knows a tool's result by the tool's name. */
  const toolNames = new Map<unknown, unknown>()
  const written: object[] = []
  for (const message of messages) {
    const content = contentOf(message.content)
    if (typeof content === 'string') return content
    const calls = toolCallsOf(message['tool_calls'], toolNames)
    if (typeof calls === 'string') return calls
    const { role, reasoning_content: thinking, tool_call_id: callId, name } = message
    const isResult = role === 'tool' || role === 'function'
    const toolName = isResult ? (name ?? toolNames.get(callId)) : undefined
    written.push({
      role: role === 'developer' ? 'system' : role === 'function' ? 'tool' : role,
      ...content,
      ...(calls !== undefined && { tool_calls: calls }),
      ...(typeof thinking === 'string' && { thinking }),
      ...(toolName !== undefined && { tool_name: toolName }),
      ...(isResult && callId !== undefined && { tool_call_id: callId }),
    })
  }
  return written
}

function contentOf(content: unknown): { content: string; images?: string[] } | string {
  if (typeof content === 'string') return { content }
  if (content === null || content === undefined) return { content: '' }
  if (!Array.isArray(content)) return 'a message whose content is neither text nor parts'
  const texts: string[] = []
  const images: string[] = []
  for (const part of content as unknown[]) {
    if (!isObject(part)) return 'a part of a message that is no object'
    if (typeof part['text'] === 'string') {
      texts.push(part['text'])
      continue
    }
    if (part['type'] !== 'image_url')
      return `a part of type '${String(part['type']).slice(0, 40)}', which it does not take`
    const image = imageIn(part['image_url'])
    if (image === undefined) return 'an image that is no data: URL in base64; it fetches none'
    images.push(image)
  }
  return { content: texts.join('\n'), ...(images.length > 0 && { images }) }
}

/** The base64 of `data:image/png;base64,…`. */
function imageIn(given: unknown): string | undefined {
  const url = isObject(given) ? given['url'] : given
  if (typeof url !== 'string' || !url.startsWith('data:')) return undefined
  const comma = url.indexOf(',')
  return url.slice(0, comma).endsWith(';base64') ? url.slice(comma + 1) : undefined
}

/** Arguments are a text in OpenAI's form, an object in Ollama's. */
function toolCallsOf(given: unknown, names: Map<unknown, unknown>): object[] | string | undefined {
  if (!Array.isArray(given) || given.length === 0) return undefined
  const calls: object[] = []
  for (const call of given as unknown[]) {
    const called = isObject(call) ? call['function'] : undefined
    if (!isObject(call) || !isObject(called)) return 'a tool call that calls no function'
    names.set(call['id'], called['name'])
    const { name, arguments: text } = called
    const parsed = isObject(text) ? text : argumentsIn(text)
    if (parsed === undefined) return `a call of '${String(name).slice(0, 80)}' whose arguments are no JSON object`
    calls.push({ ...(call['id'] !== undefined && { id: call['id'] }), function: { name, arguments: parsed } })
  }
  return calls
}

function argumentsIn(text: unknown): object | undefined {
  if (text === '' || text === undefined || text === null) return {}
  try {
    const parsed: unknown = typeof text === 'string' ? JSON.parse(text) : undefined
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
