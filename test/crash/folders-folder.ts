/** Folds a log into its run folders until it is killed. Argument: folder of the log. */
import { openLiveStore } from '#processors/stores/live-store.ts'
import { openLogWorld } from '#test/processors/log-world.ts'

const [folder = ''] = process.argv.slice(2)
const world = await openLogWorld({ folder })
const { folders } = world.stores
// Small batches, so that a kill finds it between and within commits.
await openLiveStore(
  { ...folders, gather: { records: 3, ms: 1 } },
  {
    builds: world.builds,
    ports: world.ports,
    moved: () => console.log('folded'),
  },
)
