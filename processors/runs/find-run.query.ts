import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { partitionOf } from '#processors/ports/event-log.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { quoted } from '#processors/ports/quoted.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import { NotReached, positionOf } from '#processors/stores/reach-position.query.ts'
import type { ReadableStore } from '#processors/stores/read-store.ts'

/**
 * What the lookup store has of one run, also of a run that was accepted a moment ago, here or elsewhere.
 *
 * Promise: `run.unknown` only when the log does not have the run. Where it has and the store does not follow within
 * `patienceMs`, that is `position.not-reached`, never a run that seems not to exist.
 */
export interface FindRunPorts {
  readonly store: ReadableStore<TableStore>
  readonly log: EventLog
  readonly feed: RunFeed
  readonly clock: Clock
}

const patienceMs = 2000

export async function findRun<Found>(
  { store, log, feed, clock }: FindRunPorts,
  runId: string,
  look: (tables: TableStore) => Found | undefined,
): Promise<Found> {
  const found = await store.query(look)
  if (found !== undefined) return found

  const end = await endOf(log, runId)
  if (end !== undefined) {
    const known = await knownTo({ feed, clock }, runId, end)
    const reached = known === false || (await store.reached([end], patienceMs))
    const late = known === false ? undefined : await store.query(look)
    if (late !== undefined) return late
    if (known === undefined || !reached) throw new NotReached(positionOf({ store, log, topics: ['runs.v1'] }))
  }
  throw new Failure('run.unknown', `there is no run ${quoted(runId)}`)
}

/** The last record of the run's partition, which the run's own can't be behind of. */
async function endOf(
  log: EventLog,
  runId: string,
): Promise<{ topic: string; partition: number; offset: number } | undefined> {
  const topic = 'runs.v1'
  const partition = partitionOf(runId, log.partitions(topic))
  const bounds = (await log.bounds(topic)).find((one) => one.partition === partition)
  return bounds === undefined || bounds.next === 0 ? undefined : { topic, partition, offset: bounds.next - 1 }
}

/** Whether the run is on the log; undefined where this process has not read so far in time. */
async function knownTo(
  { feed, clock }: Pick<FindRunPorts, 'feed' | 'clock'>,
  runId: string,
  end: { topic: string; partition: number; offset: number },
): Promise<boolean | undefined> {
  if (feed.chain(runId) !== undefined) return true
  const over = new AbortController()
  const answered = new AbortController()
  void clock.sleep(patienceMs, answered.signal).then(() => over.abort())
  const read = await feed.reached(end, over.signal).then(
    () => true,
    () => false,
  )
  answered.abort()
  return feed.chain(runId) !== undefined ? true : read ? false : undefined
}
