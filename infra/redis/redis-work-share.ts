/**
 * The work share on Redis: a consumer group a topic partition, over the streams of the event log.
 *
 * Promise: the port's, which is little. Waiting costs one blocking connection, whatever the number of topics and groups.
 */
import type { Delivery, TakeOptions, WorkShare } from '#processors/ports/work-share.ts'
import type { Topic } from '#schemas/topics.ts'
import { createDoorbell } from './doorbell.ts'
import { createGroupPartition } from './group-partition.ts'
import { closedFailure } from './redis-connection.ts'
import { type HistoryOptions, openHistory } from './redis-history.ts'
import { type ShareTaker, createShareTaker } from './share-taker.ts'

/** The event log on that server warns of its settings; a share over it does not again. */
export async function openRedisWorkShare(options: HistoryOptions): Promise<WorkShare> {
  const history = await openHistory({ ...options, report: () => {} })
  const doorbell = createDoorbell({ url: options.url, redis: history.redis })
  const closing = new AbortController()
  const takers = new Set<ShareTaker>()

  async function* take(topic: Topic, group: string, options: TakeOptions): AsyncGenerator<Delivery> {
    if (closing.signal.aborted) throw closedFailure(history.redis.address)
    const taker = createShareTaker(history, topic, { ...options, group, doorbell, closed: closing.signal })
    takers.add(taker)
    try {
      yield* taker.deliveries()
    } finally {
      takers.delete(taker)
    }
  }

  async function backlog(topic: Topic, group: string): Promise<{ waiting: number; taken: number }> {
    const { patienceMs } = history
    const of = { group, consumer: 'nobody', patienceMs }
    const each = await Promise.all(
      Array.from({ length: history.partitions(topic) }, async (_, n) => {
        return await createGroupPartition(history, history.partition(topic, n), of).backlog()
      }),
    )
    return {
      waiting: each.reduce((sum, { waiting }) => sum + waiting, 0),
      taken: each.reduce((sum, { taken }) => sum + taken, 0),
    }
  }

  async function close(): Promise<void> {
    closing.abort()
    await Promise.all([...takers].map((taker) => taker.end()))
    doorbell.close()
    history.redis.close()
  }

  return { take, backlog, close }
}
