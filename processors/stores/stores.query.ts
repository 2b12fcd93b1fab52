import type { EventLog } from '#processors/ports/event-log.ts'
import type { StoreBuilds } from '#processors/ports/store-builds.ts'
import type { ReadableStore } from './read-store.ts'
import type { StoreDefinition } from './store.ts'

/**
 * How far each store is behind the log: records not folded yet, a partition each.
 *
 * A meter, not a promise: the log's end is read after the store's position, so lag is never shown too small.
 */
export interface StoreLag {
  readonly store: string
  readonly topic: string
  readonly partition: number
  /** First record the log still has, the next the store will fold, and the next the log will get. */
  readonly first: number
  readonly next: number
  readonly end: number
  readonly lag: number
  /** Records the store has not folded and the log no longer has. */
  readonly gap: number
}

export async function storeLags(
  log: EventLog,
  stores: readonly {
    readonly definition: StoreDefinition
    readonly store: Pick<ReadableStore<unknown>, 'next'> | undefined
  }[],
): Promise<StoreLag[]> {
  const lags: StoreLag[] = []
  for (const { definition, store } of stores) {
    for (const topic of definition.topics) {
      const nexts = Array.from({ length: log.partitions(topic) }, (_, partition) => store?.next(topic, partition) ?? 0)
      for (const { partition, first, next: end } of await log.bounds(topic)) {
        const next = nexts[partition] ?? 0
        const lag = Math.max(0, end - Math.max(next, first))
        lags.push({ store: definition.name, topic, partition, first, next, end, lag, gap: Math.max(0, first - next) })
      }
    }
  }
  return lags
}

export interface BuildView {
  readonly store: string
  readonly version: number
  readonly build: string
  readonly state: 'live' | 'previous' | 'other'
}

export function listBuilds(builds: StoreBuilds, stores: readonly string[]): BuildView[] {
  return stores.flatMap((store) => {
    const live = builds.current(store)?.id
    const previous = builds.previous(store)?.id
    return builds.list(store).map(({ version, id }) => ({
      store,
      version,
      build: id,
      state: id === live ? ('live' as const) : id === previous ? ('previous' as const) : ('other' as const),
    }))
  })
}
