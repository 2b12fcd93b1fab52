/** `/v1/stores` over real HTTP, and promotions. */
import { expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { followPromotions } from '#processors/stores/follow-promotions.ts'
import { promoteStore } from '#processors/stores/promote-store.command.ts'
import { rebuildStore } from '#processors/stores/rebuild-store.command.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'

const names = ['lookup', 'search', 'folders', 'warehouse'] as const

async function submit(server: Serving, prompt = 'p'): Promise<string> {
  return (await server.ask('/v1/tasks', { method: 'POST', body: { prompt, retrieval: false } })).json.runId
}

function caughtUp(server: Serving): Promise<unknown> {
  return eventually('every store has caught up', async () => {
    const { stores } = (await server.ask('/v1/stores')).json
    return stores.every((store: { lagRecords: number }) => store.lagRecords === 0) ? stores : undefined
  })
}

test('every store is shown with its build, its lag and no gap', async () => {
  await using server = await serving({ worker: false })
  for (let count = 0; count < 5; count += 1) await submit(server)
  const stores = (await caughtUp(server)) as { name: string; partitions: object[] }[]
  expect(stores.map(({ name }) => name)).toEqual(names)
  expect(stores).toMatchObject(names.map(() => ({ version: expect.any(Number), state: 'folding', lagRecords: 0 })))
  expect(stores[0]?.partitions).toContainEqual({
    topic: 'runs.v1',
    partition: 0,
    first: 0,
    next: 5,
    end: 5,
    lagRecords: 0,
    gapRecords: 0,
  })
})

test('a store that lags shows by how much', async () => {
  await using server = await serving({ worker: false, stores: ['lookup'], changed: behind })
  await submit(server)
  await submit(server)
  const { stores } = (await server.ask('/v1/stores')).json
  expect(stores.find(({ name }: { name: string }) => name === 'lookup')).toMatchObject({ lagRecords: 2 })
})

function behind(lattice: Serving['lattice']): Serving['lattice'] {
  const { lookup } = lattice.stores
  if (lookup === undefined) throw new Error('no lookup store')
  return { ...lattice, stores: { lookup: { ...lookup, next: () => 0 } } }
}

test('a store of another process is shown as elsewhere, with its lag where it can be read', async () => {
  await using owner = await serving({ worker: false })
  await submit(owner)
  await caughtUp(owner)
  await using other = await serving({ worker: false, folder: owner.folder })
  const { stores } = (await other.ask('/v1/stores')).json
  expect(stores).toMatchObject(names.map((name) => ({ name, state: 'elsewhere', lagRecords: 0 })))
  expect(stores[0].partitions).toHaveLength(3)
  expect(stores[3].partitions).toEqual([])
  expect(await other.ask('/v1/stores/lookup/hash')).toMatchObject({ status: 503, code: 'store.locked' })
})

test('a hash is of the content: the same while it stands still, another when it has moved', async () => {
  await using server = await serving({ worker: false })
  await submit(server)
  await caughtUp(server)
  const hashes = async () =>
    await Promise.all(names.map(async (name) => (await server.ask(`/v1/stores/${name}/hash`)).json))
  const first = await hashes()
  expect(await hashes()).toEqual(first)
  expect(first.map(({ store }) => store)).toEqual(names)
  expect(first[0].checkpoints).toContainEqual({ topic: 'runs.v1', partition: 0, next: 1, lastId: expect.any(String) })
  await submit(server)
  await caughtUp(server)
  const second = await hashes()
  for (const name of [0, 2, 3]) expect(second[name].hash).not.toBe(first[name].hash)
  expect(second[1].hash).toBe(first[1].hash)
})

test.for(names)('a promoted build of %s is the one that answers, and says the same, while runs go on', async (name) => {
  await using server = await serving()
  const { lattice } = server
  const stop = new AbortController()
  const following = followPromotions(
    { ...lattice.given, codec: lattice.codec, owned: lattice.owned, report: () => {} },
    stop.signal,
  )
  for (let count = 0; count < 3; count += 1) await submit(server)
  const definition = lattice.definitions[name] as StoreDefinition
  const before = (await server.ask(`/v1/stores/${name}/hash`)).json.build
  const { build } = await rebuildStore(
    definition,
    { ...lattice.given, codec: lattice.codec, feed: lattice.feed },
    { signal: stop.signal, parked: new Set() },
  )
  const goingOn = Promise.all(Array.from({ length: 20 }, (_, index) => submit(server, `run ${index}`)))
  await promoteStore({ journal: lattice.journal, builds: lattice.given.builds }, build, [])
  await eventually('the new build answers', async () =>
    (await server.ask('/v1/stores')).json.stores.some((one: { build: string }) => one.build === build.id),
  )
  const runs = await goingOn
  await eventually('all runs are done', async () => {
    const { json } = await server.ask('/v1/runs?limit=200')
    return json.runs.every(({ status }: { status: string }) => status === 'done') && json.runs.length === 23
  })
  for (const runId of runs) expect((await server.ask(`/v1/runs/${runId}`)).json.outcome).toBe('accepted')
  await caughtUp(server)
  const live = (await server.ask(`/v1/stores/${name}/hash`)).json
  expect(live.build).toBe(build.id)
  expect(live.build).not.toBe(before)
  const again = await rebuildStore(
    definition,
    { ...lattice.given, codec: lattice.codec, feed: lattice.feed },
    { signal: stop.signal, parked: new Set() },
  )
  expect(again.hash).toBe(live.hash)
  stop.abort()
  await following
})

test('a promoted build that can not be opened changes nothing', async () => {
  await using server = await serving({ worker: false })
  const { lattice } = server
  const stop = new AbortController()
  const signals: string[] = []
  const following = followPromotions(
    { ...lattice.given, codec: lattice.codec, owned: lattice.owned, report: ({ signal }) => void signals.push(signal) },
    stop.signal,
  )
  await submit(server)
  await caughtUp(server)
  const { build: before } = (await server.ask('/v1/stores/lookup/hash')).json
  const broken = lattice.given.builds.create('lookup', 1)
  const { writeFileSync } = await import('node:fs')
  writeFileSync(
    `${broken.folder}/lookup.sqlite`,
    'this is no database, and it is long enough to be looked at as one'.repeat(10),
  )
  await promoteStore({ journal: lattice.journal, builds: lattice.given.builds }, broken, [])
  await eventually('it is reported', () => signals.includes('reactor.failed'))
  await submit(server)
  await caughtUp(server)
  expect((await server.ask('/v1/stores/lookup/hash')).json.build).toBe(before)
  stop.abort()
  await following
})
