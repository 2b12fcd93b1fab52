import type { FastifyReply } from 'fastify'
import { errorText } from './openai-error.ts'
import type { OpenAiFailure } from './openai-error.ts'

/**
 * A streamed answer in OpenAI's form: each event's data as the model server sent it, then `[DONE]`.
 *
 * Promise: nothing is sent before the first event, so a chain that fails before it still gets a status of its own. A
 * stream that breaks ends with an error event and without `[DONE]`.
 */
export interface OpenAiStream {
  readonly begun: boolean
  readonly send: (data: string) => void
  end(): FastifyReply
  fail(failure: OpenAiFailure): FastifyReply
}

export function openEventStream(reply: FastifyReply): OpenAiStream {
  const { raw } = reply
  let begun = false

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
      if (!raw.destroyed) raw.write(framed(data))
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
