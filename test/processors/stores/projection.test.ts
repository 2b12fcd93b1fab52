/** R3: any interleaving of partitions and any batch size gives the same rows, in every store. */
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeRecords } from '#processors/journal/read.ts'
import type { StoredRecord } from '#processors/ports/event-log.ts'
import { storeNames } from '#processors/catalog.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import type { Topic } from '#schemas/topics.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { record } from '#test/processors/recorded.ts'

let world: LogWorld
let recorded: { topic: Topic; partition: number; records: StoredRecord[] }[]

beforeAll(async () => {
  world = await openLogWorld({ partitions: 3 })
  await record(world, { seed: 'determinism', runs: 20 })
  await world.feed.catchUp()
  recorded = []
  for (const topic of ['runs.v1', 'documents.v1', 'dead-letters.v1', 'operations.v1'] as const) {
    for (let partition = 0; partition < world.log.partitions(topic); partition += 1) {
      const records = (await Array.fromAsync(world.log.read({ topic, partition, offset: 0 }))).flat()
      recorded.push({ topic, partition, records })
    }
  }
})
afterAll(() => world.close())

/** Folds everything, taking the next batch from the partition and with the size that `choose` says. */
async function hashOf(definition: StoreDefinition, choose: (below: number) => number): Promise<string> {
  const store = await definition.open(world.builds.create(definition.name, 1).folder, { live: false })
  try {
    const left = recorded
      .filter(({ topic }) => definition.topics.includes(topic))
      .map((one) => ({ ...one, next: 0 }))
      .filter(({ records }) => records.length > 0)
    while (left.length > 0) {
      const from = left[choose(left.length)]!
      const { topic, partition } = from
      const batch = from.records.slice(from.next, from.next + 1 + choose(60))
      from.next += batch.length
      const decoded = await decodeRecords(world.codec, batch, {
        topic,
        partition,
        wants: (type) => definition.wants(type),
        ...(topic === 'runs.v1' ? { accepted: (offset) => !world.feed.isRejected(partition, offset) } : {}),
      })
      await store.fold(decoded, { topic, partition, next: from.next, lastId: batch.at(-1)!.headers['ce_id'] ?? '' })
      if (from.next === from.records.length) left.splice(left.indexOf(from), 1)
    }
    return (await store.contentHash()).hash
  } finally {
    await store.close()
  }
}

describe('every interleaving and batch size: embedded log', () => {
  test.for(storeNames)('[store.deterministic] %s holds the same content', { timeout: 60_000 }, async (name) => {
    const definition = world.stores[name] as StoreDefinition
    const inOrder = await hashOf(definition, (below) => below - 1)
    const runs = name === 'warehouse' ? 3 : 12
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), async (stream) => {
        expect(await hashOf(definition, (below) => stream.next().value! % below)).toBe(inOrder)
      }),
      { numRuns: runs },
    )
  })

  test('[store.deterministic] a history with one event less has another content', async () => {
    for (const name of storeNames) {
      const definition = world.stores[name] as StoreDefinition
      const whole = await hashOf(definition, (below) => below - 1)
      const topic = name === 'search' ? 'documents.v1' : 'runs.v1'
      const { records, partition } = recorded.find((one) => one.topic === topic && one.records.length > 0)!
      const last = records.findLastIndex(
        ({ key, offset, headers }) =>
          headers['ce_type'] !== undefined &&
          headers['ce_type'] !== 'document.removed' &&
          !records.some((later) => later.key === key && later.offset > offset) &&
          !(topic === 'runs.v1' && world.feed.isRejected(partition, offset)),
      )
      expect(last).not.toBe(-1)
      const [removed] = records.splice(last, 1)
      expect(await hashOf(definition, (below) => below - 1), name).not.toBe(whole)
      records.splice(last, 0, removed!)
    }
  })
})
