import type { FastifyReply, FastifyRequest } from 'fastify'

/** Aborted when nobody waits for the answer any more: the client has gone, or the server is closing. */
export function goneOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  // The response's `close`, not the request's: that one comes as soon as the request has been read.
  reply.raw.once('close', () => gone.abort())
  return AbortSignal.any([gone.signal, request.server.closing])
}
