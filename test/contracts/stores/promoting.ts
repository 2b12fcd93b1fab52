/**
 * Contract of stores: promoting a build, killed at each step of it and under writes and long queries (R7).
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readParked } from '#processors/delivery/read-parked.query.ts'
import { promoteStore } from '#processors/stores/promote-store.command.ts'
import { rebuildStore } from '#processors/stores/rebuild-store.command.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { catchUp, endsOf, openCaughtUp } from '#test/processors/caught-up.ts'
import { type LogWorld, type LogWorldOptions, openLogWorld } from '#test/processors/log-world.ts'
import { record } from '#test/processors/recorded.ts'
import { type FreshLog, freshFolder } from './fresh-log.ts'

const { signal } = new AbortController()
const promoter = import.meta.resolve('#test/crash/store-promoter.ts')

export function promoting(fresh: FreshLog): void {
  describe('a promotion', () => {
    let at: LogWorldOptions
    let world: LogWorld
    beforeEach(async () => {
      at = { log: fresh(1), folder: freshFolder() }
      world = await openLogWorld(at)
    })
    afterEach(() => world.close())

    const rebuilt = async () =>
      await rebuildStore(world.stores.lookup, world.ports, {
        signal,
        parked: await readParked(world, world.stores.lookup),
      })

    test('[promote.clean] killed at each of its steps leaves the old build or the new one, whole', async () => {
      await record(world, { seed: 'steps', runs: 10 })
      const first = await rebuilt()
      await promoteStore(world, first.build, [])
      let current = first.build.id
      const switches: number[] = []
      let steps = 1
      while ((await promoteDyingAt(steps)) === 'SIGKILL') {
        const now = world.builds.current('lookup')
        const newest = world.builds.list('lookup').at(-1)
        expect([current, newest?.id]).toContain(now?.id)
        if (now?.id !== current) switches.push(steps)
        current = now?.id ?? ''
        await currentIsWhole(first.hash)
        steps += 1
      }
      // The pointer written, synced and renamed, its folder synced, the event appended and acknowledged.
      expect(steps).toBe(7)
      // From the folder's sync on it is the new one.
      expect(switches).toEqual([4, 5, 6])
      expect(world.builds.current('lookup')?.id).not.toBe(current)
      await currentIsWhole(first.hash)
    })

    test('[promote.clean] killed at any moment leaves a whole build that holds the log', async () => {
      await record(world, { seed: 'killed', runs: 20 })
      const { hash, build } = await rebuilt()
      await promoteStore(world, build, [])
      for (let kill = 0; kill < 3; kill += 1) {
        await runAndKill(promoter, [JSON.stringify({ at })], randomMs(80))
        await currentIsWhole(hash)
      }
    })

    test('[promote.clean] under writes and long queries answers each of them from one whole build', async () => {
      const { lookup } = world.stores
      const runs = 'SELECT count(*) AS n FROM runs'
      await record(world, { seed: 'before', runs: 10 })
      const live = await openCaughtUp(world, lookup)
      const ended = new AbortController()
      const counts: number[] = []
      const asking = (async () => {
        while (!ended.signal.aborted) {
          await live.query(async (tables) => {
            const [before] = tables.all<{ n: number }>(runs)
            await sleep(5)
            const [after] = tables.all<{ n: number }>(runs)
            counts.push(before!.n, after!.n)
          })
        }
      })()
      const writing = record(world, { seed: 'meanwhile', runs: 40 })
      for (let turn = 0; turn < 3; turn += 1) {
        const { build } = await rebuilt()
        await promoteStore(world, build, await endsOf(world, lookup))
        await live.switchTo(build)
        expect(live.status().build).toBe(world.builds.current('lookup')?.id)
      }
      await writing
      await catchUp(world, lookup, live)
      ended.abort()
      await asking
      expect(counts).toEqual(counts.toSorted((a, b) => a - b))
      expect(await live.query((tables) => tables.get(runs))).toMatchObject({ n: 50 })
      await live.close()
    })

    /** What ended it: the signal, or nothing when there were fewer steps. */
    async function promoteDyingAt(diesAt: number): Promise<NodeJS.Signals | null> {
      const task = JSON.stringify({ at, diesAt })
      const child = spawn(process.execPath, [fileURLToPath(promoter), task], { stdio: ['ignore', 'ignore', 'inherit'] })
      const [code, killedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
      expect(code === 0 || killedBy === 'SIGKILL', `it ended with ${code}`).toBe(true)
      return killedBy
    }

    async function currentIsWhole(hash: string): Promise<void> {
      const live = await openCaughtUp(world, world.stores.lookup)
      expect(live.status().build).toBe(world.builds.current('lookup')?.id)
      expect((await live.contentHash()).hash).toBe(hash)
      await live.close()
    }
  })
}
