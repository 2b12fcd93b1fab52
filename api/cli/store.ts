import { parkedPlaces } from '#processors/delivery/letters.query.ts'
import { storeNames } from '#processors/catalog.ts'
import type { StoreName } from '#processors/catalog.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { diffStore } from '#processors/stores/diff-store.command.ts'
import { findBuild, promoteStore } from '#processors/stores/promote-store.command.ts'
import { rebuildStore, withBuild } from '#processors/stores/rebuild-store.command.ts'
import type { BuildPorts } from '#processors/stores/rebuild-store.command.ts'
import { listBuilds } from '#processors/stores/stores.query.ts'
import { need } from '#processors/start.ts'
import type { Lattice } from '#processors/start.ts'
import type { StoreBuild } from '#processors/ports/store-builds.ts'
import type { Position } from '#schemas/position.ts'
import type { CliAction, CliContext, ExitCode } from './command.ts'

/**
 * `lattice store …`: builds of stores beside the live one.
 *
 * Promise: the live store is never written; a rebuild reads the log and nothing else.
 */
export const storeList: CliAction = (context) =>
  withLattice(context, async ({ given }) => {
    const builds = listBuilds(given.builds, storeNames)
    if (context.options['json'] === true) context.print.json(builds)
    else context.print.table(builds.map((build) => ({ ...build })))
    return 0
  })

export const storeRebuild: CliAction = (context) =>
  withLattice(context, async (lattice) => {
    const definition = definitionOf(lattice, context)
    const parked = await parkedOf(lattice, definition)
    const rebuilt = await rebuildStore(definition, buildPorts(lattice), { signal: context.signal, parked })
    const { build, hash, records } = rebuilt
    if (context.options['json'] === true) context.print.json({ store: build.store, build: build.id, hash, records })
    else context.print.out(`built ${build.store} ${build.id} from ${records} records, content ${hash}`)
    if (context.options['promote'] === true) await promote(lattice, context, build)
    return 0
  })

export const storeDiff: CliAction = (context) =>
  withLattice(context, async (lattice) => {
    const definition = definitionOf(lattice, context)
    const other = findBuild(lattice.given.builds, definition.name, context.arguments[1])
    const diff = await diffStore(definition, buildPorts(lattice), {
      other,
      live: () => liveHash(lattice, context, definition),
      parked: await parkedOf(lattice, definition),
      signal: context.signal,
    })
    if (context.options['json'] === true) context.print.json(diff)
    else context.print.out(diff.equal ? `equal: ${diff.live}` : `different: live ${diff.live}, ${other.id} ${diff.other}`)
    return diff.equal ? 0 : 1
  })

export const storePromote: CliAction = (context) =>
  withLattice(context, async (lattice) => {
    const definition = definitionOf(lattice, context)
    await promote(lattice, context, findBuild(lattice.given.builds, definition.name, context.arguments[1]))
    return 0
  })

export const storeRollback: CliAction = (context) =>
  withLattice(context, async (lattice) => {
    const definition = definitionOf(lattice, context)
    const previous = lattice.given.builds.previous(definition.name)
    if (previous === undefined) throw new Failure('store.unknown', `store ${definition.name} has no build before the live one`)
    await promote(lattice, context, previous)
    return 0
  })

async function promote(lattice: Lattice, { print }: CliContext, build: StoreBuild): Promise<void> {
  const live = lattice.given.builds.current(build.store)
  const at: Position[] = []
  for (const topic of lattice.definitions[build.store as StoreName].topics) {
    for (const { partition, next } of await lattice.given.log.bounds(topic)) {
      if (next > 0) at.push({ topic, partition, offset: next - 1 })
    }
  }
  await promoteStore({ journal: lattice.journal, builds: lattice.given.builds }, build, at)
  print.out(`${build.store}: ${build.id} is live${live === undefined ? '' : `; ${live.id} was`}`)
}

async function withLattice(context: CliContext, work: (lattice: Lattice) => Promise<ExitCode>): Promise<ExitCode> {
  const progress = context.print.progress()
  const opened = await context.open({
    role: 'store',
    stores: [],
    readOnly: ['lookup'],
    quiet: true,
    report: (signal) => {
      if (signal.signal === 'progress') progress.show(signal.of, signal.done, signal.total)
    },
  })
  try {
    return await work(opened.lattice)
  } finally {
    progress.stop()
    await opened.close()
  }
}

function definitionOf({ definitions }: Lattice, { arguments: [name = ''] }: CliContext): StoreDefinition {
  const known = storeNames.find((one) => one === name)
  if (known === undefined) throw new Failure('store.unknown', `there is no store ${name}; there are: ${storeNames.join(', ')}`)
  return definitions[known] as StoreDefinition
}

function buildPorts({ given, codec, feed }: Lattice): BuildPorts {
  const { log, clock, report, builds } = given
  return { log, codec, feed, clock, report, builds }
}

/** What this version of the store has parked, as the lookup store knows it. */
async function parkedOf(lattice: Lattice, { name, version }: StoreDefinition): Promise<ReadonlySet<string>> {
  if (lattice.given.builds.current('lookup') === undefined) return new Set()
  return need(lattice, 'lookup').query((tables) => parkedPlaces(tables, name, version))
}

/** Of the live build: from the process that owns it, where there is one; else by opening it here. */
async function liveHash(
  lattice: Lattice,
  { loaded: { config } }: CliContext,
  definition: StoreDefinition,
): ReturnType<Parameters<typeof diffStore>[2]['live']> {
  const lock = lattice.given.locks.tryAcquire(`store-${definition.name}`)
  if (lock !== undefined) {
    try {
      const live = lattice.given.builds.current(definition.name)
      if (live === undefined) throw new Failure('store.unknown', `store ${definition.name} is not built yet`)
      return await withBuild(definition, live, buildPorts(lattice), (store) => store.contentHash(), {
        live: true,
      })
    } finally {
      lock.release()
    }
  }
  const url = `http://${config.host}:${config.port}/v1/stores/${definition.name}/hash`
  const headers = config.authToken === undefined ? {} : { authorization: `Bearer ${config.authToken}` }
  const response = await fetch(url, { headers }).catch((error: unknown) => {
    throw new Failure('store.locked', `store ${definition.name} belongs to another process, and ${url} does not answer`, { cause: error })
  })
  if (!response.ok) throw new Failure('store.locked', `${url} answers ${response.status}`)
  return (await response.json()) as Awaited<ReturnType<typeof liveHash>>
}
