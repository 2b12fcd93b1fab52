/** A live store at the end of the log, where what it has parked on the way is too. */
import { type LiveStore, openLiveStore } from '#processors/stores/live-store.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { eventually } from '#test/contracts/eventually.ts'
import type { LogWorld } from './log-world.ts'

export async function openCaughtUp<Reads>(
  world: LogWorld,
  definition: StoreDefinition<Reads>,
): Promise<LiveStore<Reads>> {
  const live = await openLiveStore(definition, { builds: world.builds, ports: world.ports })
  await catchUp(world, definition, live)
  return live
}

/** Twice: what is parked on the way to the end is written behind it. */
export async function catchUp(
  world: LogWorld,
  definition: Pick<StoreDefinition, 'topics'>,
  live: Pick<LiveStore, 'reached'>,
): Promise<void> {
  for (const end of ['as it was', 'with the letters']) {
    await eventually(`the end ${end}`, async () => live.reached(await endsOf(world, definition), 1000))
  }
}

/** The last position of each partition the store folds. */
export async function endsOf(world: LogWorld, definition: Pick<StoreDefinition, 'topics'>) {
  const bounds = await Promise.all(
    definition.topics.map(async (topic) => ({ topic, all: await world.log.bounds(topic) })),
  )
  return bounds.flatMap(({ topic, all }) =>
    all.filter(({ next }) => next > 0).map(({ partition, next }) => ({ topic, partition, offset: next - 1 })),
  )
}
