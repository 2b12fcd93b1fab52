/**
 * A 2xx body read as a chat completion.
 *
 * Promise: total. Any text gives an answer or a typed failure (`empty-body`, `not-json`, `error-body`, `malformed`);
 * what the answer says is taken as it stands, nothing is trimmed or repaired.
 */
import type { ModelAnswer, ModelReply } from '#processors/ports/model-provider.ts'
import { type Asked, errorIn, isObject, type Received } from '#infra/http/model-failures.ts'
import { readBody } from '#infra/http/read-body.ts'
import { tokenUsage } from '#infra/http/token-usage.ts'

export function readCompletion(asked: Asked, received: Received): ModelReply {
  const body = readBody(asked, received, { what: 'chat completion', find: completionIn })
  if (!body.ok) return body
  const { completion, choice } = body.found
  return answer({
    content: choice.content,
    raw: received.text,
    finishReason: choice.finishReason,
    ...tokenUsage(completion['usage']),
    requestId: requestIdIn(received.headers),
  })
}

interface Choice {
  readonly content: string
  readonly finishReason: string | undefined
}

/** What has an error is none, whatever else it holds. */
function completionIn(
  parsed: unknown,
): { readonly completion: Readonly<Record<string, unknown>>; readonly choice: Choice } | undefined {
  if (!isObject(parsed) || errorIn(parsed) !== undefined) return undefined
  const choice = firstChoice(parsed)
  return choice && { completion: parsed, choice }
}

/** Text and end of the first choice; undefined when the body has none. */
function firstChoice(parsed: Readonly<Record<string, unknown>>): Choice | undefined {
  if (!Array.isArray(parsed['choices'])) return undefined
  const choice: unknown = parsed['choices'][0]
  if (!isObject(choice)) return undefined
  const finishReason = typeof choice['finish_reason'] === 'string' ? choice['finish_reason'] : undefined
  const message = choice['message']
  // A blocked answer has an end and no message.
  if (message === undefined || message === null)
    return finishReason === undefined ? undefined : { content: '', finishReason }
  const content = isObject(message) ? textOf(message['content']) : undefined
  return content === undefined ? undefined : { content, finishReason }
}

/** A text, nothing (a tool call, a refusal), or a list of parts of which the texts count. */
export function textOf(content: unknown): string | undefined {
  if (content === undefined || content === null) return ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return undefined
  return content.map((part) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : '')).join('')
}

function answer(given: { [Field in keyof Omit<ModelAnswer, 'ok'>]?: ModelAnswer[Field] | undefined }): ModelAnswer {
  const present = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ok: true, ...Object.fromEntries(present) } as ModelAnswer
}

export function requestIdIn(headers: Received['headers']): string | undefined {
  const id = [headers['x-request-id'] ?? headers['request-id']].flat()[0]
  return id === undefined || id === '' ? undefined : id.slice(0, 200)
}
