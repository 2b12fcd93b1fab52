/** `/v1/stores`: how far each store is, and what it holds. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import { quoted } from '#processors/ports/quoted.ts'
import { withoutPaths } from '#processors/ports/without-paths.ts'
import { storeLags } from '#processors/stores/stores.query.ts'
import type { Opened } from '#api/opened.ts'

const Partition = Type.Object({
  topic: Type.String(),
  partition: Type.Integer(),
  first: Type.Integer({ description: 'First record the log still has.' }),
  next: Type.Integer({ description: 'First record the store has not folded.' }),
  end: Type.Integer({ description: 'Offset the next record of the log will get.' }),
  lagRecords: Type.Integer({ description: 'Records the store has not folded.' }),
  gapRecords: Type.Integer({ description: 'Records it has not folded and the log no longer has; always 0.' }),
})

const Store = Type.Object({
  name: Type.String(),
  version: Type.Integer(),
  build: Type.Union([Type.String(), Type.Null()]),
  state: Type.Enum(['folding', 'stalled', 'stopped', 'elsewhere'], {
    description: '`stalled`: it waits for a fault to pass; `elsewhere`: another process owns it.',
  }),
  reason: Type.Optional(Type.String()),
  remedy: Type.Optional(Type.String()),
  lagRecords: Type.Integer(),
  partitions: Type.Array(Partition, { description: 'Empty where only its owner can tell.' }),
})

const StoreList = Type.Object({ stores: Type.Array(Store) }, { $id: 'Stores' })

const Checkpoint = Type.Object({
  topic: Type.String(),
  partition: Type.Integer(),
  next: Type.Integer(),
  lastId: Type.String({ description: 'Event id of the last record folded.' }),
})

const StoreHash = Type.Object(
  {
    store: Type.String(),
    version: Type.Integer(),
    build: Type.String(),
    hash: Type.String({ description: 'Of all rows, whatever their order; equal in every build of the same events.' }),
    checkpoints: Type.Array(Checkpoint, { description: 'Of the very moment of the hash.' }),
  },
  { $id: 'StoreHash' },
)

export const storeRoutes: AddRoutes = (http, { lattice }) => {
  for (const schema of [StoreList, StoreHash]) http.addSchema(schema)
  http.get(
    '/v1/stores',
    {
      schema: {
        operationId: 'listStores',
        summary: 'Stores: their state and their lag',
        tags: ['operations'],
        response: answers({ 200: { description: 'Every store.', schema: StoreList } }, 'log.unavailable'),
      },
    },
    async () => ({
      stores: await Promise.all(Object.values({ ...lattice.definitions }).map((one) => shown(one, lattice))),
    }),
  )

  http.get(
    '/v1/stores/:name/hash',
    {
      schema: {
        operationId: 'hashStore',
        summary: 'Content hash of the live build',
        description: 'Reads all of the store: for comparing builds, not for watching.',
        tags: ['operations'],
        params: Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) }),
        response: answers({ 200: { description: 'The hash.', schema: StoreHash } }, ...codesOf.read, 'store.unknown'),
      },
    },
    async ({ params: { name } }) => {
      if (!Object.hasOwn(lattice.definitions, name))
        throw new Failure('store.unknown', `there is no store ${quoted(name)}`)
      const store = lattice.owned.find((one) => one.name === name)
      if (store === undefined) throw new Failure('store.locked', `store ${name} belongs to another process`)
      const { version, build } = store.status()
      return { store: name, version, build, ...(await store.contentHash()) }
    },
  )
}

type Lattice = Opened['lattice']
type Definition = Lattice['definitions'][keyof Lattice['definitions']]

async function shown(definition: Definition, lattice: Lattice): Promise<unknown> {
  const { name, version } = definition
  const partitions = await partitionsOf(definition, lattice)
  const status = lattice.owned.find((one) => one.name === name)?.status()
  return {
    name,
    version,
    build: status?.build ?? lattice.given.builds.current(name)?.id ?? null,
    state: status?.state ?? 'elsewhere',
    ...(status?.reason === undefined ? {} : { reason: withoutPaths(status.reason) }),
    ...(status?.remedy === undefined || status.remedy === '' ? {} : { remedy: withoutPaths(status.remedy) }),
    lagRecords: partitions.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
    partitions,
  }
}

async function partitionsOf(definition: Definition, { given, stores }: Lattice) {
  const store = stores[definition.name as keyof typeof stores]
  if (store === undefined) return []
  const lags = await storeLags(given.log, [{ definition, store }]).catch((error: unknown) => {
    if (isFailure(error, 'store.locked') || isFailure(error, 'store.unknown')) return []
    throw error
  })
  return lags.map(({ topic, partition, first, next, end, lag, gap }) => ({
    topic,
    partition,
    first,
    next,
    end,
    lagRecords: lag,
    gapRecords: gap,
  }))
}
