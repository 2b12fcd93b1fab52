/**
 * Contract of stores: an open store goes on to another build under writes and queries, or stays whole where it is (R7).
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { storeNames } from '#processors/catalog.ts'
import { readParked } from '#processors/delivery/read-parked.query.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import { diffStore } from '#processors/stores/diff-store.command.ts'
import { type LiveStore, openLiveStore } from '#processors/stores/live-store.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { catchUp, endsOf } from '#test/processors/caught-up.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { record } from '#test/processors/recorded.ts'
import { type FreshLog, freshFolder } from './fresh-log.ts'

const { signal } = new AbortController()
const path = 'docs/1.md'
const sizes = { title: null, mediaType: 'text/plain', sizeBytes: 1 }
const contents = (tables: TableStore): unknown[] =>
  tables.all('SELECT content_hash AS c FROM documents').map(({ c }) => c)

export function switching(fresh: FreshLog): void {
  describe('[promote.clean] a switch to another build', () => {
    let world: LogWorld
    const opened: LiveStore[] = []
    beforeEach(async () => {
      world = await openLogWorld({ log: fresh(1), folder: freshFolder() })
    })
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
      await world.close()
    })

    async function openLive<Reads>(definition: StoreDefinition<Reads>): Promise<LiveStore<Reads>> {
      const live = await openLiveStore(definition, { builds: world.builds, ports: world.ports })
      opened.push(live)
      return live
    }

    async function write(content: string) {
      const data = { corpus: 'docs', path, content, contentHash: content, ...sizes }
      return (await world.journal.write([{ type: 'document.ingested', subject: path, data }])).positions
    }

    /** A hash is of the positions it came with. What a store parks on its way to an end comes behind that end. */
    async function expectAsFoldedInOneGo(definition: StoreDefinition, live: LiveStore): Promise<void> {
      const hashed = await live.contentHash()
      const other = world.builds.create(definition.name, definition.version)
      const parked = await readParked(world, definition)
      const given = { other, live: () => Promise.resolve(hashed), parked, signal }
      expect(await diffStore(definition, world.ports, given)).toMatchObject({ equal: true })
    }

    test.for(storeNames)('of %s keeps the content, under writes', async (name) => {
      const definition = world.stores[name] as StoreDefinition
      await record(world, { seed: 'one', runs: 5 })
      const live = await openLive(definition)
      const build = world.builds.create(name, definition.version)
      const writing = record(world, { seed: 'two', runs: 10 })
      const before = live.status()
      await live.switchTo(build)
      for (const { topic, partition, next } of before.positions) {
        expect(live.next(topic, partition)).toBeGreaterThanOrEqual(next)
      }
      await writing
      expect(live.status()).toMatchObject({ build: build.id, state: 'folding' })
      await world.log.append('runs.v1', [{ key: 'foreign', headers: {}, value: Buffer.from('?') }])
      const ends = await endsOf(world, definition)
      expect(await live.reached(ends, 20_000)).toBe(true)
      await expectAsFoldedInOneGo(definition, live)
      await catchUp(world, definition, live)
      await expectAsFoldedInOneGo(definition, live)
    })

    test('lets a query that is under way end on the old build, and asks the new one from then on', async () => {
      const search = await openLive(world.stores.search)
      await search.reached(await write('one'), 10_000)
      const goOn = Promise.withResolvers<void>()
      let seen: unknown[] = []
      const asking = search.query(async (tables) => {
        await goOn.promise
        seen = contents(tables)
      })
      const build = world.builds.create('search', world.stores.search.version)
      const switched = search.switchTo(build)
      await eventually('the switch', () => search.status().build === build.id)
      expect(await search.query(contents)).toEqual(['one'])
      goOn.resolve()
      await Promise.all([asking, switched])
      expect(seen).toEqual(['one'])
    })

    test('that fails leaves the old build folding', async () => {
      const search = await openLive(world.stores.search)
      const build = world.builds.create('search', world.stores.search.version)
      const garbage = 'no database at all, but long enough to be read as one'.repeat(50)
      writeFileSync(join(build.folder, 'search.sqlite'), garbage)
      await expect(search.switchTo(build)).rejects.toMatchObject({ code: 'store.rebuild-required' })
      expect(await search.reached(await write('one'), 10_000)).toBe(true)
    })

    test('mends a store that had stopped: it is waited for again', async () => {
      const search = await openLive(world.stores.search)
      await search.query((tables) => tables.run('DROP TABLE checkpoints'))
      await write('one')
      await eventually('the stop', () => search.status().state === 'stopped')
      await search.switchTo(world.builds.create('search', world.stores.search.version))
      expect(search.status()).toMatchObject({ state: 'folding' })
      expect(await search.reached(await write('two'), 10_000)).toBe(true)
      expect(await search.query(contents)).toEqual(['two'])
    })
  })
}
