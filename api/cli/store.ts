import { readParked } from '#processors/delivery/read-parked.query.ts'
import { Failure } from '#processors/ports/failure.ts'
import { diffStore } from '#processors/stores/diff-store.command.ts'
import { findBuild, promoteStore } from '#processors/stores/promote-store.command.ts'
import { rebuildStore, withBuild } from '#processors/stores/rebuild-store.command.ts'
import type { BuildPorts } from '#processors/stores/rebuild-store.command.ts'
import { removeBuild } from '#processors/stores/remove-build.command.ts'
import { listBuilds } from '#processors/stores/stores.query.ts'
import type { BuildView } from '#processors/stores/stores.query.ts'
import type { StoreBuild } from '#processors/ports/store-builds.ts'
import type { Opened } from '#api/opened.ts'
import type { Position } from '#schemas/position.ts'
import { answer } from './command.ts'
import type { CliAction, CliContext, ExitCode } from './command.ts'
import { counted } from './counted.ts'
import { findOwner, needOwner } from './owner.ts'
import { pause } from './run-log.ts'

/**
 * `lattice store …`: builds of stores beside the live one.
 *
 * Promise: the live store is never written; a rebuild reads the log and nothing else.
 */
export const storeList: CliAction = async (context) => {
  if (!(await context.hasLog())) return showBuilds(context, [])
  return withLookup(context, async ({ lattice: { given, definitions } }) =>
    showBuilds(context, listBuilds(given, Object.keys(definitions))),
  )
}

function showBuilds({ options, print }: CliContext, builds: readonly BuildView[]): ExitCode {
  if (options['json'] === true) print.json(builds)
  else if (builds.length === 0) print.note('no store is built yet: lattice run or lattice serve builds them')
  else print.table(builds.map(({ owned, ...build }) => ({ ...build, meaning: meaningOf({ ...build, owned }) })))
  return 0
}

function meaningOf({ store, state, owned, build }: BuildView): string {
  const meanings: Readonly<Record<BuildView['state'], string>> = {
    live: owned ? 'answers come from it; a running process owns it' : 'answers come from it; no process owns it now',
    previous: `live before; lattice store rollback ${store} brings it back`,
    built: `rebuilt, not live; lattice store promote ${store} ${build}`,
    building: 'a running process is building it',
    left: `nobody's: an old one, or left by a process that was killed; lattice store remove ${store} ${build}`,
  }
  return meanings[state]
}

export const storeRebuild: CliAction = (context) =>
  withLookup(context, async (opened) => {
    const { lattice } = opened
    const definition = definitionOf(lattice, context)
    const parked = await readParked(buildPorts(lattice), definition)
    const rebuilt = await rebuildStore(definition, buildPorts(lattice), {
      signal: context.signal,
      parked,
      locks: lattice.given.locks,
    })
    const { build, hash, records } = rebuilt
    const built = `built ${build.store} ${build.id} from ${counted(records, 'record')}, content ${hash}`
    if (context.options['promote'] !== true) {
      answer(context, { store: build.store, build: build.id, hash, records }, built)
      return 0
    }
    const promoted = await promote(lattice, context, build)
    answer(context, { ...promoted, hash, records }, `${built}\n${promotedText(promoted)}`)
    return 0
  })

export const storeDiff: CliAction = (context) =>
  withLookup(context, async (opened) => {
    const { lattice } = opened
    const definition = definitionOf(lattice, context)
    const other = findBuild(lattice.given.builds, definition.name, context.arguments[1])
    const diff = await diffStore(definition, buildPorts(lattice), {
      other,
      live: () => liveHash(lattice, context, definition),
      parked: await readParked(buildPorts(lattice), definition),
      signal: context.signal,
    })
    if (context.options['json'] === true) context.print.json(diff)
    else
      context.print.out(diff.equal ? `equal: ${diff.live}` : `different: live ${diff.live}, ${other.id} ${diff.other}`)
    return diff.equal ? 0 : 1
  })

export const storePromote: CliAction = (context) =>
  withLookup(context, async (opened) => {
    const { lattice } = opened
    const definition = definitionOf(lattice, context)
    const promoted = await promote(
      lattice,
      context,
      findBuild(lattice.given.builds, definition.name, context.arguments[1]),
    )
    answer(context, promoted, promotedText(promoted))
    return 0
  })

export const storeRollback: CliAction = (context) =>
  withLookup(context, async (opened) => {
    const { lattice } = opened
    const definition = definitionOf(lattice, context)
    const previous = lattice.given.builds.previous(definition.name)
    if (previous === undefined)
      throw new Failure('store.unknown', `store ${definition.name} has no build before the live one`, {
        remedy: `lattice store list shows what there is; lattice store rebuild ${definition.name} makes another one`,
      })
    const promoted = await promote(lattice, context, previous)
    answer(context, promoted, promotedText(promoted))
    return 0
  })

export const storeRemove: CliAction = (context) =>
  withLookup(context, async ({ lattice }) => {
    const { name } = definitionOf(lattice, context)
    const build = findBuild(lattice.given.builds, name, context.arguments[1])
    await refuseServed(lattice, context, build)
    removeBuild(lattice.given, build)
    answer(context, { store: name, build: build.id, removed: true }, `${name}: ${build.id} is removed`)
    return 0
  })

/** A process may still answer from a build that is no longer the live one, until it has switched. */
async function refuseServed(lattice: Lattice, context: CliContext, { store, id }: StoreBuild): Promise<void> {
  if (!lattice.given.locks.isHeld(`store-${store}`)) return
  const owner = await findOwner(context, lattice, store)
  if (owner === undefined) return
  const { stores } = (await owner.get('/v1/stores')) as { stores: readonly { name: string; build: string | null }[] }
  if (stores.find(({ name }) => name === store)?.build !== id) return
  throw new Failure('store.locked', `a running process still answers from ${id}`, {
    remedy: 'try again once it has switched: lattice store list',
  })
}

type Lattice = Opened['lattice']
type StoreDefinition = Parameters<typeof diffStore>[0]

interface Promoted {
  readonly store: string
  readonly build: string
  readonly previous: string | null
}

const switchWithinMs = 30_000

/** Done once a process that owns the store answers from the build, where there is one that can be asked. */
async function promote(lattice: Lattice, context: CliContext, build: StoreBuild): Promise<Promoted> {
  const { given, journal, definitions } = lattice
  const previous = given.builds.current(build.store)?.id ?? null
  const at: Position[] = []
  for (const topic of definitionNamed(definitions, build.store)?.topics ?? []) {
    for (const { partition, next } of await given.log.bounds(topic)) {
      if (next > 0) at.push({ topic, partition, offset: next - 1 })
    }
  }
  await promoteStore({ journal, builds: given.builds }, build, at)
  if (given.locks.isHeld(`store-${build.store}`)) await switched(lattice, context, build)
  return { store: build.store, build: build.id, previous: previous === build.id ? null : previous }
}

function promotedText({ store, build, previous }: Promoted): string {
  return `${store}: ${build} is live${previous === null ? '' : `; ${previous} was`}`
}

async function switched(lattice: Lattice, context: CliContext, build: StoreBuild): Promise<void> {
  const { clock } = lattice.given
  const owner = await findOwner(context, lattice, build.store)
  if (owner === undefined) return context.print.note('the process that owns the store switches by itself')
  const until = clock.monotonic() + switchWithinMs
  while (!context.signal.aborted && clock.monotonic() < until) {
    const { stores } = (await owner.get('/v1/stores')) as { stores: readonly { name: string; build: string | null }[] }
    if (stores.find(({ name }) => name === build.store)?.build === build.id) return
    await pause(100, context.signal)
  }
  context.print.note('the server has not switched yet; it does once the build has caught up: lattice status')
}

async function withLookup(context: CliContext, work: (opened: Opened) => Promise<ExitCode>): Promise<ExitCode> {
  const progress = context.print.progress()
  const opened = await context.open({
    role: 'store',
    stores: [],
    readOnly: ['lookup'],
    existing: true,
    models: false,
    quiet: true,
    report: (signal) => {
      if (signal.signal === 'progress') progress.show(signal.of, signal.done, signal.total)
    },
  })
  try {
    return await work(opened)
  } finally {
    progress.stop()
    await opened.close()
  }
}

function definitionOf({ definitions }: Lattice, { arguments: [name = ''] }: CliContext): StoreDefinition {
  const known = definitionNamed(definitions, name)
  if (known !== undefined) return known
  throw new Failure('request.invalid', `there is no store ${name}; there are: ${Object.keys(definitions).join(', ')}`)
}

function definitionNamed(definitions: Lattice['definitions'], name: string): StoreDefinition | undefined {
  return (Object.values(definitions) as StoreDefinition[]).find((one) => one.name === name)
}

function buildPorts({ given, codec, feed }: Lattice): BuildPorts {
  const { log, clock, report, builds } = given
  return { log, codec, feed, clock, report, builds }
}

type LiveHash = Awaited<ReturnType<Parameters<typeof diffStore>[2]['live']>>

/** Of the live build: from the process that owns it, where there is one; else by opening it here. */
async function liveHash(lattice: Lattice, context: CliContext, definition: StoreDefinition): Promise<LiveHash> {
  const { builds, locks } = lattice.given
  const lock = locks.tryAcquire(`store-${definition.name}`)
  if (lock === undefined) {
    const owner = await needOwner(context, lattice, definition.name)
    return (await owner.get(`/v1/stores/${definition.name}/hash`)) as LiveHash
  }
  try {
    const live = builds.current(definition.name)
    if (live === undefined) throw new Failure('store.unknown', `store ${definition.name} is not built yet`)
    return await withBuild(definition, live, buildPorts(lattice), (store) => store.contentHash(), { live: true })
  } finally {
    lock.release()
  }
}
