import type { FastifyReply, FastifyRequest } from 'fastify'
import { goneOf } from './gone.ts'

/**
 * Server-sent events (WHATWG HTML, 9.2), with comments that keep an idle connection open.
 *
 * Promise: an event is taken from the source only when the client has taken the ones before, so a slow reader costs no
 * memory; the source ends when the client goes or the server closes, and the stream when the source does.
 */
export interface ServerSentEvent {
  readonly id: string
  readonly event: string
  readonly data: unknown
}

const keepAliveMs = 15_000

export async function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  source: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>,
): Promise<void> {
  const signal = goneOf(request, reply)
  const { raw } = reply
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value)
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  raw.flushHeaders()
  const keepAlive = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(':\n\n')
  }, keepAliveMs)
  try {
    for await (const { id, event, data } of source(signal)) {
      // Where the server closes the source ends by itself, and may have a last word.
      if (raw.destroyed) break
      if (!raw.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) await drained(reply, signal)
    }
    raw.end()
  } catch {
    // Nothing more can be said on a stream that has begun: the client sees it end without its last event, and resumes.
    raw.destroy()
  } finally {
    clearInterval(keepAlive)
  }
}

function drained({ raw }: FastifyReply, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || raw.destroyed) return resolve()
    const over = (): void => {
      raw.off('drain', over)
      signal.removeEventListener('abort', over)
      resolve()
    }
    raw.once('drain', over)
    signal.addEventListener('abort', over)
  })
}
