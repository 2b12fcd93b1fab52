/**
 * Rebuilds the lookup store of a log and promotes the build, again and again, until it is killed (or 30 s have passed).
 * Arguments: folder of the log, folder of the stores.
 */
import { promoteStore } from '#processors/stores/promote-store.command.ts'
import { rebuildStore } from '#processors/stores/rebuild-store.command.ts'
import { openLogWorld } from '#test/processors/log-world.ts'

const [folder = '', storesIn = folder] = process.argv.slice(2)
const world = await openLogWorld({ folder, storesIn })
const { signal } = new AbortController()
while (performance.now() < 30_000) {
  const { build } = await rebuildStore(world.stores.lookup, world.ports, { signal, parked: new Set() })
  await promoteStore(world, build, [])
  console.log('promoted')
  for (const old of world.builds.list('lookup').slice(0, -3)) world.builds.remove(old)
}
