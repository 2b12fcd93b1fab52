import type { FastifyReply, FastifyRequest } from 'fastify'
import { Failure } from '#processors/ports/failure.ts'

/**
 * Aborted when somebody who waits for the answer will not get it: the client has gone, or the server is closing.
 *
 * Promise: an answer that was sent whole aborts nothing, and leaves no listener at the server. Where the server closes, the
 * reason of the signal is the `server.closing` its client is to be told: not the client has ended this, and it may ask again.
 */
export function goneOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const { closing } = request.server
  const close = (): void =>
    gone.abort(new Failure('server.closing', 'the server is shutting down', { remedy: 'ask again in a moment' }))
  if (closing.aborted) close()
  closing.addEventListener('abort', close)
  // The response's `close`, not the request's: that one comes as soon as the request has been read.
  reply.raw.once('close', () => {
    closing.removeEventListener('abort', close)
    if (!reply.raw.writableFinished) gone.abort()
  })
  return gone.signal
}
