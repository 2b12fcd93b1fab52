import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpProblem } from './problem.ts'

/**
 * How much of requests' bodies is in memory at once, from all who may ask.
 *
 * Promise: no more than `mostBytes`, by what each announces until it is answered; a body that announces nothing counts as
 * the largest there may be. What is small is always taken, so that large bodies, however slowly they are sent, keep nobody
 * from asking: their number is bounded by that of connections. Errors: `server.busy`.
 */
export interface BodyLimits {
  readonly mostBytes: number
  readonly smallBytes: number
  readonly largestBytes: number
}

export const usualBodies = { mostBytes: 1024 * 1024 * 1024, smallBytes: 64 * 1024 } as const

export function boundBodies({ mostBytes, smallBytes, largestBytes }: BodyLimits) {
  let heldBytes = 0
  return ({ headers }: FastifyRequest, reply: FastifyReply): void => {
    const { 'content-length': length = '0', 'transfer-encoding': transfer } = headers
    // One that is too large is refused for that.
    const bytes = transfer === undefined ? Math.min(Number(length), largestBytes) : largestBytes
    if (bytes <= smallBytes) return
    if (heldBytes + bytes > mostBytes) {
      throw new HttpProblem('server.busy', 'too many large requests are under way', { remedy: 'ask again in a moment' })
    }
    heldBytes += bytes
    reply.raw.once('close', () => (heldBytes -= bytes))
  }
}
