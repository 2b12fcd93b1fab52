/** What the doors to a model have alike: who asks, with which key, and what an answer's headers say. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { goneOf } from '#api/http/gone.ts'
import { type Trace, traceOf } from '#api/http/trace.ts'

export interface Asker extends Trace {
  readonly principal: string
  readonly idempotencyKey: string | undefined
  readonly gone: AbortSignal
}

export const askerHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
})

export const answerHeaders = { 'x-lattice-position': { type: 'string' }, 'idempotency-replayed': { type: 'string' } }

export function askerOf(
  request: FastifyRequest<{ Headers: Type.Static<typeof askerHeaders> }>,
  reply: FastifyReply,
): Asker {
  return {
    ...traceOf(request, reply),
    principal: request.principal,
    idempotencyKey: request.headers['idempotency-key'],
    gone: goneOf(request, reply),
  }
}
