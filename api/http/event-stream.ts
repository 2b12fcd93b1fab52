import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Server-sent events (WHATWG HTML, 9.2), with comments that keep an idle connection open.
 *
 * Promise: what can't be written waits for the client, so a slow reader costs no memory; the source ends when the client
 * goes.
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
  const gone = new AbortController()
  request.raw.once('close', () => gone.abort())
  reply.raw.once('close', () => gone.abort())
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  reply.raw.flushHeaders()
  const keepAlive = setInterval(() => reply.raw.write(':\n\n'), keepAliveMs)
  try {
    for await (const { id, event, data } of source(gone.signal)) {
      if (gone.signal.aborted) break
      const room = reply.raw.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      if (!room) await new Promise<void>((resolve) => {
        reply.raw.once('drain', resolve)
        gone.signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  } finally {
    clearInterval(keepAlive)
    reply.raw.end()
  }
}
