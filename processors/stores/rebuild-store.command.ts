import { Failure } from '#processors/ports/failure.ts'
import type { StoreBuild, StoreBuilds } from '#processors/ports/store-builds.ts'
import type { ProcessLocks } from '#processors/ports/process-locks.ts'
import type { Park } from '#processors/journal/park.ts'
import { noteFinished, openBuildNote } from './build-note.ts'
import { foldTopics } from './fold-topics.ts'
import type { FoldPorts } from './fold-topics.ts'
import type { OpenStore, StoreDefinition } from './store.ts'

/**
 * Builds a store anew from the log, beside the live one.
 *
 * Promise (`replay.silent`): reads the log and nothing else; calls no model, no network, appends nothing. Skips exactly
 * the records that this version of the store has parked, and fails on any other it can't fold (R4).
 */
export interface BuildPorts extends Omit<FoldPorts, 'park' | 'folded' | 'skipped'> {
  readonly builds: StoreBuilds
}

export interface Rebuilt {
  readonly build: StoreBuild
  readonly hash: string
  readonly records: number
}

export async function rebuildStore(
  definition: StoreDefinition,
  ports: BuildPorts,
  options: {
    readonly signal: AbortSignal
    readonly parked: ReadonlySet<string>
    /** With them others see that the build is being made, and not left by a process that was killed. */
    readonly locks?: ProcessLocks
  },
): Promise<Rebuilt> {
  const build = ports.builds.create(definition.name, definition.version)
  const lock = options.locks?.tryAcquire(buildLock(build))
  try {
    const { hash, records } = await withBuild(definition, build, ports, async (store, fold) => {
      const folded = await fold({ signal: options.signal, parked: options.parked })
      return { ...(await store.contentHash()), records: folded }
    })
    if (options.signal.aborted) throw new Failure('request.invalid', 'the rebuild was stopped')
    noteFinished(build.folder)
    return { build, hash, records }
  } catch (error) {
    ports.builds.remove(build)
    throw error
  } finally {
    lock?.release()
  }
}

/** Name of the lock a rebuild holds while it makes a build. */
export function buildLock({ id }: Pick<StoreBuild, 'id'>): string {
  return `process-build-${id}`
}

/** Opens a build nobody else has open, and closes it again. */
export async function withBuild<Result>(
  definition: StoreDefinition,
  build: StoreBuild,
  ports: BuildPorts,
  work: (store: OpenStore, fold: Fold) => Promise<Result>,
  as: { readonly live: boolean } = { live: false },
): Promise<Result> {
  const note = openBuildNote(build.folder, { store: build.store, version: build.version, logId: ports.log.id })
  note.check((type) => definition.wants(type))
  const store = await definition.open(build.folder, as)
  try {
    return await work(store, async ({ signal, parked, until }) => {
      const ends = await endsOf(definition, ports)
      const total = [...ends.values()].reduce((sum, next) => sum + next, 0)
      const done = new Map<string, number>()
      const foldPorts: FoldPorts = {
        ...ports,
        park: refuse(definition, parked),
        skipped: (type) => note.skipped(type),
        folded: ({ topic, partition, next }) => {
          done.set(`${topic}:${partition}`, next)
          const sum = [...done.values()].reduce((all, one) => all + one, 0)
          ports.report({ signal: 'progress', of: `rebuild ${definition.name}`, done: sum, total, unit: 'records' })
        },
      }
      await foldTopics(definition, store, foldPorts, {
        follow: false,
        signal,
        ...(until === undefined ? {} : { until }),
      })
      return total
    })
  } finally {
    await store.close()
  }
}

export type Fold = (options: {
  readonly signal: AbortSignal
  readonly parked: ReadonlySet<string>
  readonly until?: ReadonlyMap<string, number>
}) => Promise<number>

function refuse({ name, version }: StoreDefinition, parked: ReadonlySet<string>): Park {
  return async ({ position, bad }) => {
    const place = `${position.topic}:${position.partition}:${position.offset}`
    if (parked.has(place)) return
    throw new Failure('event.undecodable', `the record at ${place} can't be folded and was not parked yet: ${bad}`, {
      remedy: `The live ${name} store (version ${version}) parks it when it comes to it: wait for lattice status to show it there, then rebuild again.`,
    })
  }
}

async function endsOf(definition: StoreDefinition, { log }: BuildPorts): Promise<Map<string, number>> {
  const ends = new Map<string, number>()
  for (const topic of definition.topics) {
    for (const { partition, next } of await log.bounds(topic)) ends.set(`${topic}:${partition}`, next)
  }
  return ends
}
