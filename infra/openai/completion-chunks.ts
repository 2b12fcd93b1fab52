/**
 * A whole chat completion as the chunks a stream of it would have had: for a server that was asked for a stream and
 * answered at once.
 *
 * Promise: put together again (`assemble-chunks.ts`) they give the same choices. The last one is the usage, where the
 * caller wants it.
 */
import { isObject } from '#infra/http/model-failures.ts'

export function completionChunks(
  completion: Readonly<Record<string, unknown>>,
  { wantsUsage }: { readonly wantsUsage: boolean },
): string[] {
  const { choices, usage, ...head } = completion
  const chunk = (choices: readonly unknown[], more: object = {}) =>
    JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })
  const given = Array.isArray(choices) ? choices.filter(isObject) : []
  return [
    ...given.flatMap((choice, place) => {
      const { message, finish_reason: finishReason, index = place, ...rest } = choice
      return [
        chunk([{ index, delta: isObject(message) ? deltaOf(message) : {}, ...rest, finish_reason: null }]),
        chunk([{ index, delta: {}, finish_reason: finishReason ?? null }]),
      ]
    }),
    ...(wantsUsage && isObject(usage) ? [chunk([], { usage })] : []),
  ]
}

/** In a chunk a tool call has the index it is put together by. */
function deltaOf(message: Readonly<Record<string, unknown>>): object {
  const { tool_calls: calls, ...rest } = message
  if (!Array.isArray(calls)) return message
  return {
    ...rest,
    tool_calls: calls.map((call: unknown, index) => (isObject(call) ? { index, ...call } : call)),
  }
}
