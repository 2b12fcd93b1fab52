/**
 * Contract of stores: state and checkpoint commit together, whatever ends or hinders the one who folds.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { storeNames } from '#processors/catalog.ts'
import { readParked } from '#processors/delivery/read-parked.query.ts'
import { diffStore } from '#processors/stores/diff-store.command.ts'
import { openLiveStore } from '#processors/stores/live-store.ts'
import { rebuildStore } from '#processors/stores/rebuild-store.command.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { type SmallDisk, mountSmallDisk } from '#test/crash/small-disk.ts'
import { catchUp, openCaughtUp } from '#test/processors/caught-up.ts'
import { type LogWorld, type LogWorldOptions, openLogWorld } from '#test/processors/log-world.ts'
import { chained, record } from '#test/processors/recorded.ts'
import { happened } from '#test/processors/runs/run-script.ts'
import { type FreshLog, freshFolder } from './fresh-log.ts'

const { signal } = new AbortController()

export function committing(fresh: FreshLog): void {
  describe('folding', () => {
    let at: LogWorldOptions
    let world: LogWorld
    beforeEach(async () => {
      at = { log: fresh(1), folder: freshFolder(), claimCheckBytes: 200 }
      world = await openLogWorld(at)
    })
    afterEach(() => world.close())

    test.for(storeNames)(
      '[store.atomic] killed at any moment leaves %s with exactly what its checkpoint says, and it comes to the same end',
      async (name) => {
        await record(world, { seed: 'killed', runs: 15 })
        const storesIn = freshFolder()
        for (let kill = 0; kill < 3; kill += 1) {
          const task = JSON.stringify({ at: { ...at, storesIn }, store: name })
          await runAndKill(import.meta.resolve('#test/crash/store-folder.ts'), [task], randomMs(60))
          await isWhatItsCheckpointSays(name, { ...at, storesIn })
        }
        const killed = await openLogWorld({ ...at, storesIn })
        const definition = world.stores[name] as StoreDefinition
        const [one, other] = [
          await openCaughtUp(killed, killed.stores[name] as StoreDefinition),
          await openCaughtUp(world, definition),
        ]
        await catchUp(killed, definition, one)
        expect((await one.contentHash()).hash).toBe((await other.contentHash()).hash)
        await Promise.all([one.close(), other.close()])
        await killed.close()
        if (name === 'folders')
          expect(filesBelow(join(storesIn, 'runs'))).toEqual(filesBelow(join(world.folder, 'runs')))
      },
    )

    test('[store.atomic] run folders hold the same bytes after a rebuild', async () => {
      const { folders } = world.stores
      const events = [
        happened.submitted(),
        happened.started(),
        happened.attempted(1),
        happened.answered(1),
        happened.judged(1, true),
      ]
      await world.journal.write(chained('run-a', [...events, happened.completed('accepted', 1)]))
      const live = await openCaughtUp(world, folders)
      await live.close()
      const { build } = await rebuildStore(folders, world.ports, { signal, parked: new Set() })
      const rebuilt = filesBelow(join(build.folder, 'runs'))
      expect([...rebuilt.keys()]).toEqual(
        ['artifacts/index.json', 'artifacts/output.txt', 'config.json', 'run.jsonl'].map((file) => `run-a/${file}`),
      )
      expect(rebuilt).toEqual(filesBelow(join(world.folder, 'runs')))
    })

    /** The build as the kill left it, against another that is folded exactly as far. */
    async function isWhatItsCheckpointSays(name: (typeof storeNames)[number], left: LogWorldOptions): Promise<void> {
      const after = await openLogWorld(left)
      const definition = after.stores[name] as StoreDefinition
      const build = after.builds.current(name)
      if (build !== undefined) {
        const store = await definition.open(build.folder, { live: true })
        const live = await store.contentHash()
        await store.close()
        const other = after.builds.create(name, definition.version)
        const parked = await readParked(after, definition)
        const given = { other, live: () => Promise.resolve(live), parked, signal }
        expect(await diffStore(definition, after.ports, given)).toMatchObject({ equal: true })
        after.builds.remove(other)
      }
      await after.close()
    }
  })

  describe('a disk that is full', () => {
    let disk: SmallDisk | undefined
    beforeAll(() => void (disk = mountSmallDisk(8 * 1024)))
    afterEach(() => disk?.free())
    afterAll(() => disk?.unmount())

    test.for(['search', 'lookup', 'folders'] as const)(
      '[store.atomic] makes %s wait and say so, and it goes on when there is room',
      async (name, { skip }) => {
        if (disk === undefined) skip('no small disk may be mounted')
        const world = await openLogWorld({ log: fresh(1), storesIn: disk!.folder })
        const definition = world.stores[name] as StoreDefinition
        const live = await openLiveStore(definition, { builds: world.builds, ports: world.ports })
        try {
          disk!.fill()
          await record(world, { seed: 'full', runs: 40 })
          await eventually('the stall', () => world.signals.some((one) => one.signal === 'store.stalled'))
          expect(live.status().state).not.toBe('stopped')
          disk!.free()
          await catchUp(world, definition, live)
          expect(world.signals.map((one) => one.signal)).toContain('store.resumed')
          expect(world.signals.map((one) => one.signal)).not.toContain('store.stopped')
          const { hash } = await live.contentHash()
          const parked = await readParked(world, definition)
          expect(await rebuildStore(definition, world.ports, { signal, parked })).toMatchObject({ hash })
        } finally {
          await live.close()
          await world.close()
        }
      },
    )
  })
}

function filesBelow(root: string): Map<string, string> {
  return new Map(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(root.length + 1), readFileSync(path, 'base64')]),
  )
}
