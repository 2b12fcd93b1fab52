/** A store that is folded while it is asked: waiting for a position, raising a version, what stops it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TableStore } from '#processors/ports/table-store.ts'
import { type LiveStore, openLiveStore } from '#processors/stores/live-store.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import type { EventType } from '#schemas/catalog.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { record } from '#test/processors/recorded.ts'

let world: LogWorld
const opened: LiveStore[] = []
beforeEach(async () => {
  world = await openLogWorld()
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  await world.close()
})

async function openLive<Reads>(definition: StoreDefinition<Reads>, given: Partial<LogWorld['ports']> = {}) {
  const live = await openLiveStore(definition, { builds: world.builds, ports: { ...world.ports, ...given } })
  opened.push(live)
  return live
}

const path = 'docs/1.md'
const document = (content: string, subject = path) =>
  ({
    type: 'document.ingested',
    subject,
    data: { corpus: 'docs', path, title: null, mediaType: 'text/plain', content, contentHash: content, sizeBytes: 1 },
  }) as const
const write = async (content: string, subject = path) =>
  (await world.journal.write([document(content, subject)])).positions
const contents = (tables: TableStore): unknown[] =>
  tables.all('SELECT content_hash AS c FROM documents').map(({ c }) => c)

describe('a position', () => {
  test('is reached once it is folded, and what stands there can be read', async () => {
    const search = await openLive(world.stores.search)
    const positions = await write('one')
    expect(await search.reached(positions, 10_000)).toBe(true)
    expect(await search.query(contents)).toEqual(['one'])
    expect(search.next('documents.v1', 0)).toBe(1)
  })

  test('that nobody writes is not reached in time, nor after the signal', async () => {
    const search = await openLive(world.stores.search)
    const at = [{ topic: 'documents.v1', partition: 0, offset: 7 }]
    expect(await search.reached(at, 20)).toBe(false)
    expect(await search.reached(at, 60_000, AbortSignal.timeout(20))).toBe(false)
  })

  test('is still known after a restart', async () => {
    const first = await openLive(world.stores.search)
    await first.reached(await write('one'), 10_000)
    await first.close()
    opened.length = 0
    const second = await openLive(world.stores.search)
    expect(second.next('documents.v1', 0)).toBe(1)
    expect(await second.query(contents)).toEqual(['one'])
  })
})

describe('a build that can not go on: embedded log', () => {
  test('[log.same] of another log stops by name', async () => {
    const search = await openLive(world.stores.search)
    await search.close()
    opened.length = 0
    const log = Object.assign(Object.create(world.log), { id: 'another' }) as LogWorld['log']
    await expect(openLive(world.stores.search, { log })).rejects.toMatchObject({
      code: 'log.diverged',
      remedy: expect.stringContaining('lattice store rebuild search'),
    })
  })

  test('because it skipped what the code now handles asks to be rebuilt', async () => {
    const definition = world.stores.search
    const older = { ...definition, wants: (type: EventType) => type === 'document.ingested' }
    const before = await openLive(older)
    await world.journal.write([{ type: 'document.removed', subject: path, data: { corpus: 'docs', path } }])
    await eventually('the fold', () => before.next('documents.v1', 0) === 1)
    await before.close()
    opened.length = 0
    await expect(openLive(definition)).rejects.toMatchObject({
      code: 'store.rebuild-required',
      message: expect.stringContaining('document.removed'),
    })
  })

  test('says why it stopped, answers as it stands, and is waited for by nobody', async () => {
    const search = await openLive(world.stores.search)
    await search.reached(await write('one'), 10_000)
    const waiting = search.reached([{ topic: 'documents.v1', partition: 0, offset: 9 }], 60_000)
    await search.query((tables) => tables.run('DROP TABLE checkpoints'))
    await write('two')
    expect(await waiting).toBe(false)
    expect(search.status()).toMatchObject({ state: 'stopped' })
    expect(world.signals.map(({ signal }) => signal)).toContain('store.stopped')
    expect(await search.query(contents)).toEqual(['one'])
  })
})

describe('a raised version', () => {
  test('is built beside the old one and becomes current once it has caught up', async () => {
    const recorded = await record(world, { seed: 'raised', runs: 10 })
    const first = await openLive(world.stores.lookup)
    await first.reached([{ topic: 'runs.v1', partition: 0, offset: recorded.runs.length }], 10_000)
    await first.close()
    opened.length = 0
    const old = world.builds.current('lookup')
    const version = world.stores.lookup.version + 1
    const raised = await openLive({ ...world.stores.lookup, version })
    expect(raised.status()).toMatchObject({ version, state: 'folding' })
    expect(await raised.query((tables) => tables.get('SELECT count(*) AS n FROM runs'))).toMatchObject({ n: 10 })
    expect(world.builds.current('lookup')).toMatchObject({ version })
    expect(world.builds.previous('lookup')?.id).toBe(old?.id)
  })

  test('is not current while it can not be folded: the old one stays', async () => {
    const first = await openLive(world.stores.search)
    await first.reached(await write('one'), 10_000)
    await first.close()
    opened.length = 0
    const old = world.builds.current('search')
    const broken: StoreDefinition<TableStore> = {
      ...world.stores.search,
      version: world.stores.search.version + 1,
      async open(folder, as) {
        const store = await world.stores.search.open(folder, as)
        return { ...store, fold: () => Promise.reject(new Error('a fault of the program')) }
      },
    }
    await expect(openLive(broken)).rejects.toThrow('a fault of the program')
    expect(world.builds.current('search')?.id).toBe(old?.id)
  })

  test('of a newer program is refused by name', async () => {
    world.builds.promote(world.builds.create('search', 9))
    await expect(openLive(world.stores.search)).rejects.toMatchObject({ code: 'store.newer' })
  })
})

test('the note of a build names its log and what it skipped', async () => {
  const search = await openLive({ ...world.stores.search, wants: () => false })
  await write('one')
  await eventually('the fold', () => search.next('documents.v1', 0) === 1)
  const note = JSON.parse(readFileSync(join(world.builds.current('search')!.folder, 'build.json'), 'utf8')) as unknown
  expect(note).toEqual({ store: 'search', version: 1, logId: world.log.id, skipped: ['document.ingested'] })
})
