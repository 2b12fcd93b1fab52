import { storeNames } from '#processors/catalog.ts'
import type { StoreName } from '#processors/catalog.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { ReadableStore } from '#processors/stores/read-store.ts'
import { storeLags } from '#processors/stores/stores.query.ts'
import type { StoreLag } from '#processors/stores/stores.query.ts'
import type { Lattice } from '#processors/start.ts'
import type { CliAction } from './command.ts'

/**
 * `lattice status`: how far the stores are behind the log.
 *
 * Promise: opens no store for writing and folds nothing; a store that can't be looked into from here is named with the
 * reason.
 */
export const status: CliAction = async (context) => {
  const { print, options } = context
  const opened = await context.open({ role: 'status', stores: [], readOnly: storeNames, quiet: true })
  try {
    const { lattice } = opened
    const { log } = lattice.given
    const lags: StoreLag[] = []
    const unseen: { store: string; reason: string }[] = []
    for (const name of storeNames) {
      try {
        lags.push(...(await storeLags(log, [{ definition: lattice.definitions[name], store: storeOf(lattice, name) }])))
      } catch (error) {
        if (!isFailure(error)) throw error
        unseen.push({ store: name, reason: error.message })
      }
    }
    if (options['json'] === true) {
      print.json({ log: { id: log.id, backend: log.backend, durability: log.durability }, stores: lags, unseen })
    } else {
      print.out(`log ${log.backend} ${log.id} (${log.durability})`)
      print.table(lags.map(({ store, topic, partition, next, end, lag, gap }) => ({ store, topic, partition, next, end, lag, gap })))
      for (const { store, reason } of unseen) print.note(`${store}: ${reason}`)
    }
    return 0
  } finally {
    await opened.close()
  }
}

function storeOf(lattice: Lattice, name: StoreName): ReadableStore<unknown> | undefined {
  return lattice.stores[name] as ReadableStore<unknown> | undefined
}
