/**
 * Rebuilds the lookup store of a log and promotes the build. Without `diesAt` again and again, until it is killed (or 30 s
 * have passed); with it once, and it kills itself right before that step of the promotion: a step is whatever changes the
 * disk or the log. Argument: JSON of the world's options and `diesAt`.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { StoreBuild } from '#processors/ports/store-builds.ts'
import { promoteStore } from '#processors/stores/promote-store.command.ts'
import { rebuildStore } from '#processors/stores/rebuild-store.command.ts'
import { type LogWorldOptions, openLogWorld } from '#test/processors/log-world.ts'

const { at, diesAt } = JSON.parse(process.argv[2] ?? '') as { at: LogWorldOptions; diesAt?: number }
const world = await openLogWorld(at)

async function rebuild(): Promise<StoreBuild> {
  const { signal } = new AbortController()
  return (await rebuildStore(world.stores.lookup, world.ports, { signal, parked: new Set() })).build
}

if (diesAt === undefined) {
  while (performance.now() < 30_000) {
    await promoteStore(world, await rebuild(), [])
    console.log('promoted')
    for (const old of world.builds.list('lookup').slice(0, -3)) world.builds.remove(old)
  }
} else {
  const build = await rebuild()
  dieAtStep(diesAt)
  await promoteStore(world, build, [])
  process.exit(0)
}

function dieAtStep(last: number): void {
  let steps = 0
  const step = (): void => {
    steps += 1
    if (steps === last) process.kill(process.pid, 'SIGKILL')
  }
  const disk = fs as unknown as Record<string, (...given: unknown[]) => unknown>
  for (const name of ['writeFileSync', 'fsyncSync', 'renameSync']) {
    const work = disk[name]
    disk[name] = (...given) => {
      step()
      return work?.(...given)
    }
  }
  syncBuiltinESMExports()
  const { log } = world
  const append = log.append.bind(log)
  log.append = async (...given) => {
    step()
    const positions = await append(...given)
    step()
    return positions
  }
}
