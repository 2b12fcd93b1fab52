/**
 * The body of an answer of `/api/chat`, streamed or not, as a reply.
 *
 * Promise: total, and the same for any splitting of the bytes. It is an answer once its last part (`done`) has come,
 * however the connection ended. What is no part of an answer ends it: an error, a line that is no JSON; what came behind
 * it is not handed on. `raw` is what was received, `completion` the same in OpenAI's form.
 */
import type { Exchanged } from '#infra/http/exchange.ts'
import { type Asked, errorIn, failure, isObject, parseLoosely } from '#infra/http/model-failures.ts'
import { failureOfBody } from '#infra/http/read-body.ts'
import type { Take } from '#infra/http/receive-body.ts'
import type { ModelFailure, ModelReply } from '#processors/ports/model-provider.ts'
import { chatAnswer } from './chat-answer.ts'
import { readLines } from './json-lines.ts'

export interface ReadChatOptions {
  readonly asked: Asked
  readonly onEvent?: ((data: string) => void) | undefined
  readonly hideKey: (text: string) => string
  /** The caller asked for the usage-only event. */
  readonly wantsUsage: boolean
}

export interface ChatReader {
  readonly take: Take
  /** To be asked once, when the body has ended. */
  reply(exchanged: Exchanged): ModelReply
}

const what = 'answer of a chat'

export function readChat({ asked, onEvent, hideKey, wantsUsage }: ReadChatOptions): ChatReader {
  const answer = chatAnswer({ chunks: onEvent !== undefined, usage: wantsUsage })
  let handedOn = 0
  let wrong: string | undefined
  /** The body has ended: what comes now may be half a line. */
  let unclosed = false

  const lines = readLines((line) => {
    if (wrong !== undefined || answer.done) return
    const part = parseLoosely(line)
    if (part === undefined && unclosed && answer.begun) return
    if (!isObject(part) || errorIn(part) !== undefined) return void (wrong = line)
    let chunks: readonly string[]
    try {
      chunks = answer.add(part)
    } catch {
      // Nested deeper than can be written.
      return void (wrong = line)
    }
    for (const chunk of chunks) {
      handedOn++
      onEvent?.(hideKey(chunk))
    }
  })

  const withPartial = (failed: ModelFailure): ModelFailure => ({
    ...failed,
    ...(handedOn > 0 && { partial: hideKey(answer.content) }),
  })

  return {
    take(piece) {
      lines.feed(piece)
      return wrong === undefined && !answer.done
    },
    reply(exchanged) {
      const { status, text, failed } = exchanged
      if (failed === undefined) {
        unclosed = true
        lines.end()
      }
      if (wrong !== undefined)
        return withPartial(failureOfBody(asked, exchanged, { what, part: hideKey(wrong), retryable: handedOn > 0 }))
      if (failed?.code === 'too-large') return withPartial(failed)
      const got = { raw: text, httpStatus: status }
      if (answer.done && answer.begun) {
        const { finishReason, promptTokens, completionTokens } = answer
        return {
          ok: true,
          content: hideKey(answer.content),
          raw: text,
          completion: hideKey(answer.completion()),
          ...(finishReason !== undefined && { finishReason }),
          ...(promptTokens !== undefined && { promptTokens }),
          ...(completionTokens !== undefined && { completionTokens }),
        }
      }
      if (failed !== undefined) return withPartial(failed)
      if (!answer.begun) return failureOfBody(asked, exchanged, { what, part: text.trim().split('\n', 1)[0] ?? '' })
      const message = `${asked.url} answered ${status}, then its answer ended before it was done`
      return withPartial(failure('cut', message, { ...got, retryable: true }))
    },
  }
}
