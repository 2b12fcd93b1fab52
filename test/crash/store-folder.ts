/**
 * Folds a log into one store until it is killed, in small batches, so that a kill finds it between and within commits.
 * Argument: JSON of the world's options and the store's name.
 */
import type { StoreName } from '#processors/catalog.ts'
import { openLiveStore } from '#processors/stores/live-store.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { type LogWorldOptions, openLogWorld } from '#test/processors/log-world.ts'

const { at, store } = JSON.parse(process.argv[2] ?? '') as { at: LogWorldOptions; store: StoreName }
const world = await openLogWorld(at)
const definition = world.stores[store] as StoreDefinition
await openLiveStore(
  { ...definition, gather: { records: 3, ms: 1 } },
  {
    builds: world.builds,
    ports: world.ports,
    moved: () => console.log('folded'),
  },
)
console.log('open')
