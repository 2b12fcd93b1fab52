import type { EventLog } from '#processors/ports/event-log.ts'
import type { ProcessLocks } from '#processors/ports/process-locks.ts'
import type { StoreBuild, StoreBuilds } from '#processors/ports/store-builds.ts'
import { isFinished } from './build-note.ts'
import type { ReadableStore } from './read-store.ts'
import { buildLock } from './rebuild-store.command.ts'
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
  readonly state: BuildState
  /** Whether a running process owns the store. */
  readonly owned: boolean
}

/**
 * `built`: a rebuild that came to its end and was not promoted. `building`: a running process makes it. `left`: neither,
 * so a process that was killed left it, or it was live once before the previous one.
 */
export type BuildState = 'live' | 'previous' | 'built' | 'building' | 'left'

export function listBuilds(ports: BuildPorts, stores: readonly string[]): BuildView[] {
  return stores.flatMap((store) => {
    const owned = ports.locks.isHeld(`store-${store}`)
    return ports.builds.list(store).map((build) => {
      return { store, version: build.version, build: build.id, state: stateOfBuild(ports, build), owned }
    })
  })
}

interface BuildPorts {
  readonly builds: StoreBuilds
  readonly locks: Pick<ProcessLocks, 'isHeld'>
}

export function stateOfBuild({ builds, locks }: BuildPorts, build: StoreBuild): BuildState {
  const current = builds.current(build.store)
  if (build.id === current?.id) return 'live'
  if (build.id === builds.previous(build.store)?.id) return 'previous'
  if (isFinished(build.folder)) return 'built'
  if (locks.isHeld(buildLock(build))) return 'building'
  // An owner that starts with a newer version makes its build under the store's own lock.
  const isOwners = build.id > (current?.id ?? '') && build.version > (current?.version ?? -1)
  return isOwners && locks.isHeld(`store-${build.store}`) ? 'building' : 'left'
}
