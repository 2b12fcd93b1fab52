import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Aborted when somebody who waits for the answer will not get it: the client has gone, or the server is closing.
 *
 * Promise: an answer that was sent whole aborts nothing, and leaves no listener at the server.
 */
export function goneOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const { closing } = request.server
  const end = (): void => gone.abort()
  if (closing.aborted) end()
  closing.addEventListener('abort', end)
  // The response's `close`, not the request's: that one comes as soon as the request has been read.
  reply.raw.once('close', () => {
    closing.removeEventListener('abort', end)
    if (!reply.raw.writableFinished) end()
  })
  return gone.signal
}
