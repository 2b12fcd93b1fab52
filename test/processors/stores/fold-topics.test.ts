/** Folding the log into a store: what is parked, what waits, what stops it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import { Failure, type FailureCode } from '#processors/ports/failure.ts'
import { foldTopics } from '#processors/stores/fold-topics.ts'
import { openLiveStore } from '#processors/stores/live-store.ts'
import { Poison, type OpenStore, type StoreDefinition } from '#processors/stores/store.ts'
import type { EventType } from '#schemas/catalog.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { chained } from '#test/processors/recorded.ts'
import { happened } from '#test/processors/runs/run-script.ts'

let world: LogWorld
let ended: AbortController
beforeEach(async () => {
  world = await openLogWorld()
  ended = new AbortController()
})
afterEach(async () => {
  ended.abort()
  await world.close()
})

/** A store in memory whose folds fail as the test has it. */
function fakeStore(fails: (offset: number, fold: number) => Error | undefined = () => undefined) {
  const folded: number[] = []
  const at = new Map<string, StoredCheckpoint>()
  let folds = 0
  const store: OpenStore = {
    reads: undefined,
    checkpoints: () => Promise.resolve([...at.values()]),
    async fold(events, checkpoint) {
      folds += 1
      for (const { position } of events) {
        const error = fails(position.offset, folds)
        if (error !== undefined) throw error
      }
      folded.push(...events.map(({ position }) => position.offset))
      at.set(`${checkpoint.topic}:${checkpoint.partition}`, checkpoint)
    },
    contentHash: () => Promise.resolve({ hash: '', checkpoints: [] }),
    close: () => Promise.resolve(),
  }
  return { store, folded, at }
}

function definition(given: Partial<StoreDefinition> = {}): StoreDefinition {
  return {
    name: 'fake',
    version: 1,
    topics: ['documents.v1'],
    wants: () => true,
    strangers: false,
    gather: { records: 1000, ms: 0 },
    open: () => Promise.reject(new Error('not here')),
    ...given,
  }
}

const letters = async (): Promise<number[]> =>
  (await Array.fromAsync(world.log.read({ topic: 'dead-letters.v1', partition: 0, offset: 0 })))
    .flat()
    .map(({ value }) => world.codec.decode('record.parked', value).offset)

const removed = (path: string) => ({ type: 'document.removed', subject: path, data: { corpus: 'docs', path } }) as const
const bad = { key: 'x', headers: { ce_id: 'bad', ce_type: 'document.removed' }, value: Buffer.from('no event') }

describe('a record that can never be folded: embedded log', () => {
  test('[poison.parked] is a dead letter before the fold goes on, and once', async () => {
    await world.journal.write([removed('a'), removed('b'), removed('c')])
    await world.log.append('documents.v1', [bad])
    await world.journal.write([removed('d')])
    let stalls = 2
    let lettersAtCommit: number[] = []
    const { store, folded } = fakeStore((offset) => {
      if (offset === 1) return new Poison(1, 'never')
      return offset === 4 && stalls-- > 0 ? new Failure('store.stalled', 'full') : undefined
    })
    const fold = store.fold.bind(store)
    store.fold = async (events, at) => {
      await fold(events, at)
      lettersAtCommit = await letters()
    }
    const clock = { ...world.clock, sleep: () => Promise.resolve() }
    await foldTopics(definition(), store, { ...world.ports, clock }, { follow: false, signal: ended.signal })
    expect(folded).toEqual([0, 2, 4])
    expect(lettersAtCommit.toSorted((a, b) => a - b)).toEqual([1, 3])
    expect(await letters()).toHaveLength(2)
  })

  test('waits for its letter as long as the log takes none, and is asked for again', async () => {
    await world.journal.write([removed('a')])
    await world.log.append('documents.v1', [bad])
    let refusals = 3
    const park: typeof world.park = async (...given) => {
      if (refusals-- > 0) throw new Failure('log.unavailable', 'gone')
      await world.park(...given)
    }
    const clock = { ...world.clock, sleep: () => Promise.resolve() }
    const { store, folded } = fakeStore()
    await foldTopics(definition(), store, { ...world.ports, clock, park }, { follow: false, signal: ended.signal })
    expect(folded).toEqual([0])
    expect(await letters()).toEqual([1])
  })

  test('with headers as large as a record may be still has a letter', async () => {
    const headers = { ce_id: 'bad', ce_type: 'document.removed', huge: 'h'.repeat(7 * 1024 * 1024) }
    await world.log.append('documents.v1', [{ ...bad, headers }])
    await foldTopics(definition(), fakeStore().store, world.ports, { follow: false, signal: ended.signal })
    expect(await letters()).toEqual([0])
  })

  test('[poison.parked] of the warehouse is one whose values no column holds; the rest of its batch is there', async () => {
    const { warehouse } = world.stores
    const huge = { corpus: 'docs', title: null, mediaType: 'text/plain', content: 'x', contentHash: 'h' }
    const at = (path: string, sizeBytes: number) =>
      ({ type: 'document.ingested', subject: path, data: { ...huge, path, sizeBytes } }) as const
    await world.journal.write([at('a', 1), at('b', 2), at('c', 3)])
    const live = await openLiveStore(warehouse, {
      builds: world.builds,
      ports: {
        ...world.ports,
        codec: {
          ...world.codec,
          decode: (type, value) => {
            const data = world.codec.decode(type, value) as { path?: string }
            return (data.path === 'b' ? { ...data, sizeBytes: 0.5 } : data) as never
          },
        },
      },
    })
    try {
      expect(await live.reached([{ topic: 'documents.v1', partition: 0, offset: 2 }], 10_000)).toBe(true)
      const rows = await live.query((columns) => columns.query('SELECT path FROM document_ingested ORDER BY path'))
      expect(rows.map(({ path }) => path)).toEqual(['a', 'c'])
      expect(await letters()).toEqual([1])
    } finally {
      await live.close()
    }
  })

  test.for([
    ['a path out of the folder', '../../outside', '[]'],
    ['messages that are no JSON', 'run-x', '{'],
  ] as const)('[poison.parked] of the run folders is %s, and the next run is written', async ([, run, messages]) => {
    await world.journal.write(chained(run, [happened.submitted({ messages })]))
    await world.journal.write(chained('good', [happened.submitted()]))
    const live = await openLiveStore(world.stores.folders, { builds: world.builds, ports: world.ports })
    try {
      expect(await live.reached([{ topic: 'runs.v1', partition: 0, offset: 1 }], 10_000)).toBe(true)
      expect(await letters()).toEqual([0])
      const config = readFileSync(join(world.folder, 'runs/good/config.json'), 'utf8')
      expect(JSON.parse(config)).toMatchObject({ run: 'good' })
    } finally {
      await live.close()
    }
  })
})

describe('a fault', () => {
  test.for(['store.stalled', 'log.unavailable', 'log.full', 'schema.unavailable', 'object.missing'] as const)(
    'that may pass, %s, is told, and the fold goes on when it has passed',
    async (code: FailureCode) => {
      await world.journal.write([removed('a')])
      let times = 2
      const { store, folded } = fakeStore(() => (times-- > 0 ? new Failure(code, 'for now') : undefined))
      const clock = { ...world.clock, sleep: () => Promise.resolve() }
      const following = foldTopics(
        definition(),
        store,
        { ...world.ports, clock },
        { follow: true, signal: ended.signal },
      )
      await eventually('the fold', () => folded.length === 1)
      ended.abort()
      await following
      const told = world.signals.flatMap((one) => (one.signal.startsWith('store.') ? [one.signal] : []))
      expect(told).toEqual(['store.stalled', 'store.stalled', 'store.resumed'])
      expect(await letters()).toEqual([])
    },
  )

  test('of an object that is missing ends a fold to the end of the log: it is not coming any more', async () => {
    await world.journal.write([removed('a')])
    const { store } = fakeStore(() => new Failure('object.missing', 'gone'))
    const folding = foldTopics(definition(), store, world.ports, { follow: false, signal: ended.signal })
    await expect(folding).rejects.toMatchObject({ code: 'object.missing' })
  })

  test('of one partition stops all, and is the one that is told', async () => {
    const topics = ['runs.v1', 'documents.v1', 'dead-letters.v1'] as const
    await world.journal.write([removed('a')])
    await world.journal.write(chained('run', [happened.submitted()]))
    const { store } = fakeStore()
    const fold = store.fold.bind(store)
    const waits = Promise.withResolvers<void>()
    store.fold = async (events, at) => {
      if (at.topic !== 'documents.v1') return fold(events, at)
      await waits.promise
      throw new Failure('store.locked', 'of documents')
    }
    // The runs wait for a referee that never comes: they end only because the documents failed.
    const feed: typeof world.feed = {
      ...world.feed,
      reached: (_, signal) =>
        new Promise((_resolve, reject) => {
          waits.resolve()
          signal?.addEventListener('abort', () => reject(new Failure('log.closed', 'stopped waiting')))
        }),
    }
    const folding = foldTopics(
      definition({ topics }),
      store,
      { ...world.ports, feed },
      { follow: true, signal: ended.signal },
    )
    await expect(folding).rejects.toMatchObject({ code: 'store.locked' })
  })

  test('that has not passed when the fold is ended leaves nothing told as folded', async () => {
    await world.journal.write([removed('a')])
    const told: StoredCheckpoint[] = []
    const { store } = fakeStore(() => new Failure('store.stalled', 'full'))
    const ports = { ...world.ports, folded: (at: StoredCheckpoint) => void told.push(at) }
    const folding = foldTopics(definition(), store, ports, { follow: true, signal: ended.signal })
    await eventually('the stall', () => world.signals.some(({ signal }) => signal === 'store.stalled'))
    ended.abort()
    await folding
    expect(told).toEqual([])
  })
})

describe('[log.same] a checkpoint of another history: embedded log', () => {
  async function foldFrom(at: StoredCheckpoint): Promise<void> {
    const { store, at: checkpoints } = fakeStore()
    checkpoints.set('documents.v1:0', at)
    await foldTopics(definition(), store, world.ports, { follow: false, signal: ended.signal })
  }

  test('whose last record is another one stops by name', async () => {
    await world.journal.write([removed('a'), removed('b')])
    const at = { topic: 'documents.v1', partition: 0, next: 1, lastId: 'another' }
    await expect(foldFrom(at)).rejects.toMatchObject({ code: 'log.diverged' })
  })

  test('that is beyond the end stops by name', async () => {
    await world.journal.write([removed('a')])
    const at = { topic: 'documents.v1', partition: 0, next: 5, lastId: 'x' }
    await expect(foldFrom(at)).rejects.toMatchObject({ code: 'log.diverged' })
  })

  test('whose next record is gone stops by name', async () => {
    await world.journal.write([removed('a'), removed('b'), removed('c')])
    await (world.log as EmbeddedEventLog).trim('documents.v1', 0, 2)
    await expect(foldFrom({ topic: 'documents.v1', partition: 0, next: 1, lastId: 'x' })).rejects.toMatchObject({
      code: 'log.trimmed',
    })
  })
})

test('runs are folded no further than the referee has judged', async () => {
  await world.journal.write(chained('run', [happened.submitted(), happened.started()]))
  const judged = Promise.withResolvers<void>()
  const { store, folded } = fakeStore()
  const feed: typeof world.feed = { ...world.feed, reached: () => judged.promise }
  const folding = foldTopics(
    definition({ topics: ['runs.v1'] }),
    store,
    { ...world.ports, feed },
    { follow: false, signal: ended.signal },
  )
  await world.feed.catchUp()
  await new Promise((resolve) => setImmediate(resolve))
  expect(folded).toEqual([])
  judged.resolve()
  await folding
  expect(folded).toEqual([0, 1])
})

test('what nobody handles is noted before it is skipped, each type once', async () => {
  await world.journal.write([removed('a'), removed('b')])
  await world.log.append('documents.v1', [{ key: 'y', headers: { ce_type: 'of.tomorrow' }, value: new Uint8Array() }])
  const skipped: string[] = []
  const wants = (type: EventType): boolean => type === 'document.ingested'
  const { store } = fakeStore(() => undefined)
  await foldTopics(
    definition({ wants }),
    store,
    { ...world.ports, skipped: (type) => void skipped.push(type) },
    {
      follow: false,
      signal: ended.signal,
    },
  )
  expect(new Set(skipped)).toEqual(new Set(['document.removed', 'of.tomorrow']))
})
