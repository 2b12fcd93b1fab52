/** Building a store anew: silent and exact. */
import dns from 'node:dns'
import { rmSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { readParked } from '#processors/delivery/read-parked.query.ts'
import { diffStore } from '#processors/stores/diff-store.command.ts'
import { findBuild, promoteStore } from '#processors/stores/promote-store.command.ts'
import { rebuildStore } from '#processors/stores/rebuild-store.command.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { topicNames } from '#schemas/topics.ts'
import { openCaughtUp } from '#test/processors/caught-up.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { record } from '#test/processors/recorded.ts'

let world: LogWorld
const signal = new AbortController().signal
beforeEach(async () => {
  world = await openLogWorld({ partitions: 2, claimCheckBytes: 500 })
})
afterEach(() => world.close())

const names = ['lookup', 'search', 'folders', 'warehouse'] as const
const definitionOf = (name: (typeof names)[number]) => world.stores[name] as StoreDefinition
const poison = { key: 'x', headers: { ce_id: 'bad', ce_type: 'document.removed' }, value: Buffer.from('no event') }

const caughtUp = (definition: StoreDefinition) => openCaughtUp(world, definition)

describe('a rebuild: embedded log', () => {
  test.for(names)(
    '[replay.silent] [store.deterministic] of %s gives the same content, without a socket or an append',
    { timeout: 30_000 },
    async (name) => {
      const definition = definitionOf(name)
      await record(world, { seed: 'silent', runs: 15 })
      const live = await caughtUp(definition)
      const hash = await live.contentHash()
      const parked = await readParked(world, definition)
      await live.close()

      const forbidden = (): never => {
        throw new Error('a rebuild reached for the network')
      }
      const spies = [
        vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(forbidden),
        vi.spyOn(tls, 'connect').mockImplementation(forbidden),
        vi.spyOn(dns, 'lookup').mockImplementation(forbidden),
        vi.spyOn(dns.promises, 'lookup').mockImplementation(forbidden),
        vi.spyOn(globalThis, 'fetch').mockImplementation(forbidden),
      ]
      const appends = vi.spyOn(world.log, 'append')
      const before = await Promise.all(topicNames.map((topic) => world.log.bounds(topic)))
      const puts = vi.spyOn(world.objects, 'put')
      try {
        const rebuilt = await rebuildStore(definition, world.ports, { signal, parked })
        expect(rebuilt.hash).toBe(hash.hash)
        expect(await Promise.all(topicNames.map((topic) => world.log.bounds(topic)))).toEqual(before)
        for (const spy of [...spies, appends, puts]) expect(spy).not.toHaveBeenCalled()
        expect(() => net.connect(1)).toThrow('reached for the network')
      } finally {
        for (const spy of [...spies, appends, puts]) spy.mockRestore()
      }
    },
  )

  test('[poison.parked] skips exactly what this version has parked, and fails on any other', async () => {
    const search = definitionOf('search')
    await record(world, { seed: 'parked', runs: 5 })
    await world.log.append('documents.v1', [poison])
    const live = await caughtUp(search)
    const { hash } = await live.contentHash()
    await live.close()
    const parked = await readParked(world, search)
    expect(parked.size).toBe(1)
    expect(await rebuildStore(search, world.ports, { signal, parked })).toMatchObject({ hash })
    expect(await readParked(world, { name: 'search', version: 2 })).toEqual(new Set())

    await world.log.append('documents.v1', [poison])
    const builds = world.builds.list('search').length
    await expect(rebuildStore(search, world.ports, { signal, parked })).rejects.toMatchObject({
      code: 'event.undecodable',
      message: expect.stringMatching(
        /^the record at documents\.v1:\d:\d+ can't be folded and was not parked yet/,
      ) as string,
      remedy: expect.stringContaining('lattice status') as string,
    })
    expect(world.builds.list('search')).toHaveLength(builds)
  })

  test('fails on an object that is missing, and leaves no build', async () => {
    const content = 'word '.repeat(1000)
    const data = {
      corpus: 'c',
      path: 'p',
      title: null,
      mediaType: 'text/plain',
      content,
      contentHash: 'h',
      sizeBytes: 5000,
    }
    await world.journal.write([{ type: 'document.ingested', subject: 'd', data }])
    rmSync(join(world.folder, 'objects'), { recursive: true })
    const rebuilding = rebuildStore(definitionOf('search'), world.ports, { signal, parked: new Set() })
    await expect(rebuilding).rejects.toMatchObject({ code: 'object.missing' })
    expect(world.builds.list('search')).toEqual([])
  })

  test('that is stopped leaves no build', async () => {
    await record(world, { seed: 'stopped', runs: 3 })
    const stopped = AbortSignal.abort()
    const rebuilding = rebuildStore(definitionOf('lookup'), world.ports, { signal: stopped, parked: new Set() })
    await expect(rebuilding).rejects.toThrow('stopped')
    expect(world.builds.list('lookup')).toEqual([])
  })
})

describe('a comparison: embedded log', () => {
  test('[store.deterministic] folds the other build exactly to where the live one is', async () => {
    const lookup = definitionOf('lookup')
    await record(world, { seed: 'diff', runs: 5 })
    const live = await caughtUp(lookup)
    const at = await live.contentHash()
    await live.close()
    await record(world, { seed: 'later', runs: 5 })
    const given = {
      other: world.builds.create('lookup', 1),
      live: () => Promise.resolve(at),
      parked: new Set<string>(),
      signal,
    }
    expect(await diffStore(lookup, world.ports, given)).toMatchObject({ equal: true, live: at.hash, other: at.hash })
  })

  test('says so when the live store holds something else', async () => {
    await record(world, { seed: 'diff', runs: 5 })
    const live = await caughtUp(definitionOf('lookup'))
    await live.query((tables) =>
      (tables as { run(sql: string): void }).run(`UPDATE runs SET prompt = 'another' WHERE status = 'queued' OR 1`),
    )
    const at = await live.contentHash()
    await live.close()
    const given = {
      other: world.builds.create('lookup', 1),
      live: () => Promise.resolve(at),
      parked: new Set<string>(),
      signal,
    }
    expect(await diffStore(definitionOf('lookup'), world.ports, given)).toMatchObject({ equal: false })
  })
})

describe('a promotion: embedded log', () => {
  test('replaces the pointer, then says so on the log; rolling back is promoting the build before', async () => {
    const [one, two] = [world.builds.create('lookup', 1), world.builds.create('lookup', 1)]
    await promoteStore(world, one, [])
    const position = await promoteStore(world, findBuild(world.builds, 'lookup', undefined), [])
    expect(world.builds.current('lookup')).toEqual(two)
    expect(position).toMatchObject({ topic: 'operations.v1', offset: 1 })
    const [batch] = await Array.fromAsync(world.log.read({ topic: 'operations.v1', partition: 0, offset: 1 }))
    expect(world.codec.decode('store.promoted', batch![0]!.value)).toMatchObject({ store: 'lookup', build: two.id })
    await promoteStore(world, world.builds.previous('lookup')!, [])
    expect(world.builds.current('lookup')).toEqual(one)
    expect(() => findBuild(world.builds, 'lookup', 'none')).toThrow(expect.objectContaining({ code: 'store.unknown' }))
  })
})
