import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { StoreBuild } from '#processors/ports/store-builds.ts'
import { withBuild } from './rebuild-store.command.ts'
import type { BuildPorts } from './rebuild-store.command.ts'
import type { StoreDefinition } from './store.ts'

/**
 * Whether another build says the same as the live one, at the very same position.
 *
 * The live store gives its hash and its position from one read transaction; the other is folded exactly to it (R7).
 * A build that is ahead of the live one already can't be compared: the live one must catch up first.
 */
export interface StoreDiff {
  readonly equal: boolean
  readonly live: string
  readonly other: string
  readonly at: readonly StoredCheckpoint[]
}

export async function diffStore(
  definition: StoreDefinition,
  ports: BuildPorts,
  given: {
    readonly other: StoreBuild
    readonly live: () => Promise<{ hash: string; checkpoints: readonly StoredCheckpoint[] }>
    readonly parked: ReadonlySet<string>
    readonly signal: AbortSignal
  },
): Promise<StoreDiff> {
  const live = await given.live()
  const until = new Map(live.checkpoints.map((at) => [`${at.topic}:${at.partition}`, at.next]))
  for (const topic of definition.topics) {
    for (let partition = 0; partition < ports.log.partitions(topic); partition += 1) {
      const place = `${topic}:${partition}`
      if (!until.has(place)) until.set(place, 0)
    }
  }
  const other = await withBuild(definition, given.other, ports, async (store, fold) => {
    await fold({ signal: given.signal, parked: given.parked, until })
    return store.contentHash()
  })
  if (given.signal.aborted) throw new Failure('request.invalid', 'the comparison was stopped')
  const ahead = other.checkpoints.find(({ topic, partition, next }) => next > (until.get(`${topic}:${partition}`) ?? 0))
  if (ahead !== undefined) {
    throw new Failure(
      'position.not-reached',
      `the live build is behind this one at ${ahead.topic}:${ahead.partition}`,
      {
        remedy: 'let the live store catch up: lattice status',
      },
    )
  }
  return { equal: live.hash === other.hash, live: live.hash, other: other.hash, at: live.checkpoints }
}
