import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { positionOf, reachPosition } from '#processors/stores/reach-position.query.ts'
import type { View } from '#processors/stores/reach-position.query.ts'
import { goneOf } from './gone.ts'
import { defaulted, takes } from './validate.ts'

/**
 * Read your own writes: `?at=<position>&wait=<ms>` (R11).
 *
 * Promise: the answer is no earlier than `at`, and says in `x-lattice-position` where it is.
 */
export const AtPosition = {
  at: Type.Optional(
    Type.String({
      description: 'Answer no earlier than this position (from x-lattice-position).',
      pattern: '^[A-Za-z0-9_-]{1,64}/[a-z0-9._-]{1,64}:\\d{1,9}:\\d{1,15}(,[a-z0-9._-]{1,64}:\\d{1,9}:\\d{1,15})*$',
      maxLength: 4096,
      ...takes('a position as x-lattice-position gives it: <log>/<topic>:<partition>:<offset>, and more after commas'),
    }),
  ),
  wait: defaulted(
    Type.Integer({ description: 'How long to wait for it, ms.', minimum: 0, maximum: 60_000, default: 0 }),
  ),
} as const

export async function atPosition(
  request: FastifyRequest & { readonly query: { readonly at?: string; readonly wait: number } },
  reply: FastifyReply,
  view: View,
): Promise<void> {
  const { at, wait } = request.query
  if (at !== undefined) await reachPosition(view, at, { waitMs: wait, signal: goneOf(request, reply) })
  // Told before the answer is read: it is of this position or a later one.
  const position = positionOf(view)
  if (position !== undefined) void reply.header('x-lattice-position', position)
}
