/**
 * A streamed answer: its events handed on as they come, and at the end the reply they make.
 *
 * Promise: total, and the same for any splitting of the bytes. Each event is parsed once and handed on unaltered, in
 * order; not handed on are `[DONE]`, events without data, an error, what is no JSON object, anything after those, and the
 * usage-only event where it was we who asked for it. So what a client gets is a valid stream up to where it fails. A
 * server that answers with a whole completion in place of a stream is told as one.
 *
 * It is an answer once `[DONE]` has come, or every choice has its `finish_reason`, however the connection ended.
 */
import type { ModelAnswer, ModelFailure, ModelReply } from '#processors/ports/model-provider.ts'
import type { Exchanged } from '#infra/http/exchange.ts'
import { type Asked, errorIn, failure, failureOfErrorBody, isObject, parseLoosely } from '#infra/http/model-failures.ts'
import { failureOfBody } from '#infra/http/read-body.ts'
import type { Take } from '#infra/http/receive-body.ts'
import { tokenUsage } from '#infra/http/token-usage.ts'
import { type Assembly, assembleChunks } from './assemble-chunks.ts'
import { readCompletion, requestIdIn } from './completion.ts'
import { completionChunks } from './completion-chunks.ts'
import { readEvents } from './server-sent-events.ts'

export interface StreamOptions {
  readonly asked: Asked
  readonly onEvent: (data: string) => void
  readonly hideKey: (text: string) => string
  /** The caller asked for the usage-only event; otherwise it is for our books alone. */
  readonly wantsUsage: boolean
}

export interface StreamReader {
  readonly take: Take
  /** To be asked once, when the body has ended. */
  reply(exchanged: Exchanged): ModelReply
}

interface State {
  readonly options: StreamOptions
  readonly assembly: Assembly
  handedOn: number
  /** What ended it: `[DONE]`, or an event that is none. */
  end: 'done' | Wrong | undefined
  /** The body has ended: what comes now had no blank line behind it. */
  unclosed: boolean
}

/** An event that is no chunk, or that its type calls an error whatever it holds. */
interface Wrong {
  readonly data: string
  readonly isError: boolean
}

export function streamCompletion(options: StreamOptions): StreamReader {
  const state: State = { options, assembly: assembleChunks(), handedOn: 0, end: undefined, unclosed: false }
  const events = readEvents((data, type) => take(state, data, type))
  /** Undefined until the first byte that is no white space has come. */
  let form: 'events' | 'whole' | undefined
  return {
    take(piece) {
      form ??= formOf(piece)
      if (form !== 'whole') events.feed(piece)
      return state.end === undefined
    },
    reply(exchanged) {
      if (form === 'whole') return replyWhole(state, exchanged)
      if (exchanged.failed === undefined) {
        state.unclosed = true
        events.end()
      }
      return reply(state, exchanged)
    },
  }
}

/** No field of an event begins like JSON or HTML: whatever the content type says, this is no stream. */
function formOf(piece: Uint8Array): 'events' | 'whole' | undefined {
  for (const byte of piece) {
    // White space and the bytes of a byte order mark.
    if (byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf) continue
    return byte === 0x7b || byte === 0x5b || byte === 0x3c ? 'whole' : 'events'
  }
  return undefined
}

function take(state: State, data: string, type: string | undefined): void {
  if (state.end !== undefined) return
  if (data.length < 16) {
    const text = data.trim()
    if (text === '') return
    if (text === '[DONE]') return void (state.end = 'done')
  }
  const { assembly, options } = state
  const chunk = parseLoosely(data)
  if (chunk === undefined && state.unclosed) return
  const isError = type === 'error'
  if (isError || !isObject(chunk) || errorIn(chunk) !== undefined) return void (state.end = { data, isError })
  try {
    assembly.add(chunk)
  } catch {
    return void (state.end = { data, isError })
  }
  if (!options.wantsUsage && isUsageOnly(chunk)) return
  state.handedOn++
  options.onEvent(options.hideKey(data))
}

function isUsageOnly({ choices, usage }: Readonly<Record<string, unknown>>): boolean {
  return isObject(usage) && Array.isArray(choices) && choices.length === 0
}

function replyWhole({ options }: State, exchanged: Exchanged): ModelReply {
  if (exchanged.failed !== undefined) return exchanged.failed
  const reply = readCompletion(options.asked, exchanged)
  if (!reply.ok) return reply
  const chunks = completionChunks(parseLoosely(exchanged.text) as Record<string, unknown>, options)
  for (const chunk of chunks) options.onEvent(chunk)
  return reply
}

function reply(state: State, exchanged: Exchanged): ModelReply {
  const { options, assembly, end } = state
  const { asked } = options
  const { status, text, failed } = exchanged
  const got = { raw: text, httpStatus: status }
  if (end !== undefined && end !== 'done') return withPartial(state, failureOf(end, state, exchanged))
  if (failed?.code === 'too-large') return withPartial(state, failed)
  if (assembly.complete || (end === 'done' && assembly.choices > 0)) {
    const answer = answerOf(state, exchanged)
    if (answer !== undefined) return answer
    return withPartial(state, failure('malformed', `${asked.url} answered with what is nested too deep`, got))
  }
  if (failed !== undefined) return withPartial(state, failed)
  if (end === 'done') {
    return withPartial(
      state,
      failure('malformed', `${asked.url} answered ${status} with a stream without choices`, got),
    )
  }
  if (assembly.choices === 0 && !/^(data|event|id|retry)?:/m.test(text)) return readCompletion(asked, exchanged)
  const message = `${asked.url} answered ${status}, then the stream ended before its answer did: no finish_reason, no [DONE]`
  return withPartial(state, failure('cut', message, { ...got, retryable: true }))
}

function failureOf(end: Wrong, { options, handedOn }: State, exchanged: Exchanged): ModelFailure {
  const { asked, hideKey } = options
  const part = hideKey(end.data)
  if (end.isError && errorIn(parseLoosely(part)) === undefined) {
    const error = { message: part.slice(0, 300), code: undefined, retryDelay: undefined }
    return failureOfErrorBody(asked, exchanged, error)
  }
  // A stream that was good until then is a fault on the way.
  return failureOfBody(asked, exchanged, { what: 'chunk of a completion', part, retryable: handedOn > 0 })
}

/** Undefined where the answer can't be written down. */
function answerOf({ options, assembly }: State, { headers, text }: Exchanged): ModelAnswer | undefined {
  const finishReason = assembly.finishReason()
  const requestId = requestIdIn(headers)
  try {
    return {
      ok: true,
      content: options.hideKey(assembly.content()),
      raw: text,
      completion: options.hideKey(assembly.completion()),
      ...(finishReason !== undefined && { finishReason }),
      ...tokenUsage(assembly.usage),
      ...(requestId !== undefined && { requestId }),
    }
  } catch {
    return undefined
  }
}

/** Where the client has been given something, what it was is told: it may have been paid for. */
function withPartial({ options, assembly, handedOn }: State, failed: ModelFailure): ModelFailure {
  return {
    ...failed,
    ...(handedOn > 0 && { partial: options.hideKey(assembly.content()) }),
    ...tokenUsage(assembly.usage),
  }
}
