import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { formatToken, parseToken } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import type { ReadableStore } from './read-store.ts'

/**
 * Waits until a view has folded what a token names: reading one's own writes (R11).
 *
 * Promise: resolves once everything up to and with the token is in the view. A partition that doesn't feed the view is
 * `position.invalid`, another log `log.other`, and `position.not-reached` says where the view is.
 */
export interface View {
  readonly store: Pick<ReadableStore<unknown>, 'next' | 'reached'>
  readonly log: Pick<EventLog, 'id' | 'partitions'>
  /** The topics the answer is made of. */
  readonly topics: readonly Topic[]
}

export async function reachPosition(
  view: View,
  token: string,
  options: { readonly waitMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const { store, log, topics } = view
  const parsed = parseToken(token)
  if (parsed === undefined) throw new Failure('position.invalid', 'at is no position token')
  if (parsed.logId !== log.id) {
    throw new Failure('log.other', `that position is of log ${parsed.logId}; this log is ${log.id}`, {
      remedy: 'ask where the position is from, or leave it out',
    })
  }
  for (const { topic, partition } of parsed.positions) {
    const feeding = topics.find((name) => name === topic)
    if (feeding === undefined || partition >= log.partitions(feeding)) {
      throw new Failure('position.invalid', `${topic}:${partition} does not feed this answer`, {
        remedy: `positions that do are of ${topics.join(', ')}`,
      })
    }
  }
  if (await store.reached(parsed.positions, options.waitMs, options.signal)) return
  throw new NotReached(positionOf(view))
}

/** Where a view is, as a token; undefined where it has folded nothing. */
export function positionOf({ store, log, topics }: View): string | undefined {
  const positions = topics.flatMap((topic) =>
    Array.from({ length: log.partitions(topic) }, (_, partition) => ({
      topic,
      partition,
      offset: store.next(topic, partition) - 1,
    })).filter(({ offset }) => offset >= 0),
  )
  return positions.length === 0 ? undefined : formatToken(log.id, positions)
}

export class NotReached extends Failure {
  /** Where the view is; undefined where it has folded nothing. */
  readonly position: string | undefined

  constructor(position: string | undefined) {
    super('position.not-reached', 'the store is not there yet', { remedy: 'ask again, or with a longer wait' })
    this.position = position
  }
}
