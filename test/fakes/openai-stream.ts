/**
 * A completion as a server streams it, and every way in which servers were seen to stream it otherwise.
 *
 * Promise: the same completion and options give the same bytes.
 */
import type { Completion, ToolCall } from './openai-answers.ts'

export interface StreamShape {
  /** Characters of text or arguments a chunk. Default 4. */
  readonly chunkSize?: number
  /** The last event is the usage, as `stream_options.include_usage` asks. */
  readonly usage?: boolean
}

/** How the events are written. */
export type StreamFault =
  | 'no-space' // `data:{…}`
  | 'comments' // comment, `event:`, `id:` and `retry:` lines between
  | 'crlf'
  | 'cr'
  | 'multi-line' // an event's JSON over several `data:` lines
  | 'no-done'
  | 'no-finish' // ends well before its answer does
  | 'no-blank-line' // nothing behind the last line
  | 'garbage-chunk' // one event is not JSON
  | 'error-chunk' // one event is an error
  | 'error-event' // `event: error` with a text
  | 'byte-order-mark'

interface Message {
  readonly role: string
  readonly content: string | null
  readonly tool_calls?: readonly ToolCall[]
}

interface Choice {
  readonly index: number
  readonly message: Message
  readonly logprobs?: { readonly content: readonly { readonly token: string }[] }
  readonly finish_reason: string
}

/** The data of each event, without `[DONE]`. */
export function chunksOf(completion: Completion, { chunkSize = 4, usage = false }: StreamShape = {}): string[] {
  const { choices, usage: used, ...head } = completion
  const chunk = (choices: readonly unknown[], more: object = usage ? { usage: null } : {}) =>
    JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })
  const delta = (index: number, delta: object, more: object = {}) =>
    chunk([{ index, delta, ...more, finish_reason: null }])
  return [
    ...(choices as readonly Choice[]).flatMap(({ index, message, logprobs, finish_reason: reason }) => [
      delta(index, { role: message.role, content: message.content === null ? null : '' }),
      ...(logprobs === undefined
        ? pieces(message.content ?? '', chunkSize).map((content) => delta(index, { content }))
        : logprobs.content.map((one) => delta(index, { content: one.token }, { logprobs: { content: [one] } }))),
      ...(message.tool_calls ?? []).flatMap((call, at) =>
        callDeltas(call, at, chunkSize).map((one) => delta(index, one)),
      ),
      chunk([{ index, delta: {}, finish_reason: reason }]),
    ]),
    ...(usage && used !== undefined ? [chunk([], { usage: used })] : []),
  ]
}

/** Its id and name come with the first piece, then its arguments, wherever they break. */
function callDeltas(call: ToolCall, index: number, chunkSize: number): object[] {
  const first = { index, id: call.id, type: call.type, function: { name: call.function.name, arguments: '' } }
  return [
    { tool_calls: [first] },
    ...pieces(call.function.arguments, chunkSize).map((text) => ({
      tool_calls: [{ index, function: { arguments: text } }],
    })),
  ]
}

/** Never inside a character: a server makes JSON of each piece. */
function pieces(text: string, size: number): string[] {
  const characters = Array.from(text)
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, at) =>
    characters.slice(at * size, (at + 1) * size).join(''),
  )
}

/** The events as they go over the wire, each on its own. */
export function writtenEvents(data: readonly string[], fault?: StreamFault): string[] {
  const events = [...data, '[DONE]'].map((one) => `data: ${one}\n\n`)
  const middle = Math.max(1, Math.floor(data.length / 2))
  const withMiddle = (event: string) => [...events.slice(0, middle), event, ...events.slice(middle)]
  switch (fault) {
    case undefined:
      return events
    case 'no-space':
      return events.map((event) => event.replace('data: ', 'data:'))
    case 'comments':
      return events.map((event, at) => `: keep-alive ${at}\n\nevent: message\nid: ${at}\nretry: 10\n${event}`)
    case 'crlf':
      return events.map((event) => event.replaceAll('\n', '\r\n'))
    case 'cr':
      return events.map((event) => event.replaceAll('\n', '\r'))
    case 'multi-line':
      return events.map((event) => event.replace('{', '{\ndata: '))
    case 'no-done':
      return events.slice(0, -1)
    case 'no-finish':
      return events.slice(0, middle)
    case 'no-blank-line':
      return events.map((event, at) => (at === events.length - 1 ? event.trimEnd() : event))
    case 'garbage-chunk':
      return withMiddle('data: {"id":"x","choi\n\n')
    case 'error-chunk':
      return withMiddle('data: {"error":{"message":"The server had an error","type":"server_error","code":503}}\n\n')
    case 'error-event':
      return withMiddle('event: error\ndata: model runner has stopped\n\n')
    case 'byte-order-mark':
      return [`\uFEFF${events[0] ?? ''}`, ...events.slice(1)]
  }
}
