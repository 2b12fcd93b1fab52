import type { FastifyReply } from 'fastify'
import { errorText } from './openai-error.ts'
import type { OpenAiFailure } from './openai-error.ts'

/**
 * A streamed answer in OpenAI's form: each event's data as the model server sent it, then `[DONE]`.
 *
 * Promise: nothing is sent before the first event, so a chain that fails before it still gets a status of its own. A
 * stream that breaks ends with an error event and without `[DONE]`. A client that has more than `unsentBytes` to take for
 * `graceMs` is cut off, which cancels the call: its answer is not held for it. (An answer is bounded itself, by
 * `answerLimitBytes`, so that much is held at most until then.)
 */
export interface OpenAiStream {
  readonly begun: boolean
  readonly send: (data: string) => void
  end(): FastifyReply
  fail(failure: OpenAiFailure): FastifyReply
}

const usualPatience = { unsentBytes: 16 * 1024 * 1024, graceMs: 5_000 }

export function openEventStream(reply: FastifyReply, { unsentBytes, graceMs } = usualPatience): OpenAiStream {
  const { raw } = reply
  let begun = false
  let grace: NodeJS.Timeout | undefined

  /** What came at once may have had no time to leave; what is unsent after that has no taker. */
  function watchUnsent(): void {
    if (grace !== undefined || raw.writableLength <= unsentBytes) return
    grace = setTimeout(() => {
      grace = undefined
      if (raw.writableLength > unsentBytes) raw.destroy()
    }, graceMs)
    raw.once('close', () => clearTimeout(grace))
  }

  function begin(): void {
    begun = true
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value)
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    raw.flushHeaders()
  }

  return {
    get begun() {
      return begun
    },
    send(data) {
      if (!begun) begin()
      if (raw.destroyed) return
      raw.write(framed(data))
      watchUnsent()
    },
    end() {
      raw.end('data: [DONE]\n\n')
      return reply
    },
    fail(failure) {
      raw.end(framed(errorText(failure)))
      return reply
    },
  }
}

/** A line break inside the data begins another `data:` line (WHATWG HTML, 9.2.6). */
function framed(data: string): string {
  return `data: ${data.includes('\n') ? data.replaceAll('\n', '\ndata: ') : data}\n\n`
}
