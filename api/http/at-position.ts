import { Type } from 'typebox'
import { Failure } from '#processors/ports/failure.ts'
import type { ReadableStore } from '#processors/stores/read-store.ts'
import { formatToken, parseToken } from '#schemas/position.ts'
import type { Position } from '#schemas/position.ts'
import { topics } from '#schemas/topics.ts'

/**
 * Read your own writes: `?at=<position>&wait=<ms>` (R11).
 *
 * Promise: answers once the store is there; 400 for a partition that doesn't feed it, 409 `log.other` for another log,
 * 409 `position.not-reached` with where it is.
 */
export const AtPosition = {
  at: Type.Optional(Type.String({ description: 'Answer no earlier than this position (from x-lattice-position).', maxLength: 4096 })),
  wait: Type.Optional(Type.Integer({ description: 'How long to wait for it, ms.', minimum: 0, maximum: 60_000, default: 0 })),
} as const

export async function waitFor(
  store: ReadableStore<unknown>,
  query: { readonly at?: string; readonly wait?: number },
  given: { readonly logId: string; readonly topics: readonly string[]; readonly partitions: (topic: keyof typeof topics) => number },
): Promise<void> {
  if (query.at === undefined) return
  const token = parseToken(query.at)
  if (token === undefined) throw new Failure('position.invalid', 'at is no position token')
  if (token.logId !== given.logId) throw new Failure('log.other', `that position is of log ${token.logId}; this is ${given.logId}`)
  for (const { topic, partition } of token.positions) {
    const feeds = given.topics.includes(topic) && partition < given.partitions(topic as keyof typeof topics)
    if (!feeds) throw new Failure('position.invalid', `${topic}:${partition} does not feed this answer`)
  }
  if (await store.reached(token.positions, query.wait ?? 0)) return
  throw new NotReached(formatToken(given.logId, token.positions.map((at) => standing(store, at)).filter((at) => at.offset >= 0)))
}

function standing(store: ReadableStore<unknown>, { topic, partition }: Position): Position {
  return { topic, partition, offset: store.next(topic, partition) - 1 }
}

class NotReached extends Failure {
  readonly position: string
  constructor(position: string) {
    super('position.not-reached', 'the store is not there yet', { remedy: 'ask again, or with a longer wait' })
    this.position = position
  }
}
