import { isFailure } from '#processors/ports/failure.ts'
import { storeLags } from '#processors/stores/stores.query.ts'
import type { StoreLag } from '#processors/stores/stores.query.ts'
import type { Opened } from '#api/opened.ts'
import type { CliAction, CliContext } from './command.ts'
import { noLogYet } from './no-log-yet.ts'
import { findOwner } from './owner.ts'

/**
 * `lattice status`: how far the stores are behind the log.
 *
 * Promise: folds nothing. A store that only its owner can look into is asked for there; where nobody owns it, it is
 * opened for a moment. One that can't be looked into at all is named with the reason.
 */
export const status: CliAction = async (context) => {
  const { print, options } = context
  if (!(await context.hasLog())) return noLogYet(context, { log: null, stores: [], unseen: [] })
  const opened = await context.open({ role: 'status', stores: [], readOnly: 'all', models: false, quiet: true })
  try {
    const { log } = opened.lattice.given
    const lags: StoreLag[] = []
    const unseen: { store: string; reason: string }[] = []
    const unbuilt: string[] = []
    for (const definition of Object.values(opened.lattice.definitions) as Definition[]) {
      try {
        lags.push(...(await lagsOf(definition, opened, context)))
      } catch (error) {
        if (!isFailure(error)) throw error
        unseen.push({ store: definition.name, reason: error.message })
        if (error.code === 'store.unknown') unbuilt.push(definition.name)
      }
    }
    if (options['json'] === true) {
      print.json({ log: { id: log.id, backend: log.backend, durability: log.durability }, stores: lags, unseen })
    } else {
      print.out(`log ${log.backend} ${log.id} (${log.durability})`)
      print.table(
        lags.map(({ store, topic, partition, next, end, lag, gap }) => ({
          store,
          topic,
          partition,
          next,
          end,
          lag,
          gap,
        })),
      )
      for (const { store, reason } of unseen) print.note(`${store}: ${reason}`)
      if (unbuilt.length > 0) print.note(`lattice serve builds from the log: ${unbuilt.join(', ')}`)
      noteBehind(lags, opened, context)
    }
    return 0
  } finally {
    await opened.close()
  }
}

/** What folds the stores that are behind; after an import that is nobody until somebody serves. */
function noteBehind(lags: readonly StoreLag[], { lattice }: Opened, { print }: CliContext): void {
  const behind = [...new Set(lags.filter(({ lag }) => lag > 0).map(({ store }) => store))]
  const { locks } = lattice.given
  const [owned, left] = [true, false].map((held) => behind.filter((store) => locks.isHeld(`store-${store}`) === held))
  if (left !== undefined && left.length > 0) {
    print.note(`behind, and nobody folds them now: ${left.join(', ')}; lattice serve brings them up to the log`)
  }
  if (owned !== undefined && owned.length > 0) print.note(`behind, and being folded: ${owned.join(', ')}`)
}

type Definition = Parameters<typeof storeLags>[1][number]['definition']
type Checkpoints = readonly { readonly topic: string; readonly partition: number; readonly next: number }[]

async function lagsOf(definition: Definition, opened: Opened, context: CliContext): Promise<StoreLag[]> {
  const { lattice } = opened
  const { log } = lattice.given
  const reader = (lattice.stores as Readonly<Record<string, Parameters<typeof storeLags>[1][number]['store']>>)[
    definition.name
  ]
  try {
    return await storeLags(log, [{ definition, store: reader }])
  } catch (error) {
    if (!isFailure(error, 'store.locked')) throw error
    const checkpoints =
      (await checkpointsHere(definition, opened)) ?? (await checkpointsThere(definition, opened, context))
    if (checkpoints === undefined) throw error
    const next = (topic: string, partition: number): number =>
      checkpoints.find((at) => at.topic === topic && at.partition === partition)?.next ?? 0
    return storeLags(log, [{ definition, store: { next } }])
  }
}

/** Of a store that nobody owns now. */
async function checkpointsHere({ name, open }: Definition, { lattice }: Opened): Promise<Checkpoints | undefined> {
  const { builds, locks } = lattice.given
  const lock = locks.tryAcquire(`store-${name}`)
  if (lock === undefined) return undefined
  try {
    const build = builds.current(name)
    if (build === undefined) return undefined
    const store = await open(build.folder, { live: true })
    try {
      return await store.checkpoints()
    } finally {
      await store.close()
    }
  } finally {
    lock.release()
  }
}

async function checkpointsThere(
  { name }: Definition,
  { lattice }: Opened,
  context: CliContext,
): Promise<Checkpoints | undefined> {
  const owner = await findOwner(context, lattice, name)
  if (owner === undefined) return undefined
  const { stores } = (await owner.get('/v1/stores')) as { stores: readonly { name: string; partitions: Checkpoints }[] }
  const partitions = stores.find((store) => store.name === name)?.partitions ?? []
  return partitions.length === 0 ? undefined : partitions
}
