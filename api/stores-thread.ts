/**
 * Stores in a thread of their own: what folds files and the warehouse, so that no request waits for a disk or an engine.
 *
 * Promise: the same stores by the same code as in the main thread; this file only answers questions about them.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Config } from '#infra/config/config.ts'
import { assemble } from '#infra/assemble.ts'
import type { StoreName } from '#processors/catalog.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { start } from '#processors/start.ts'
import type { FromThread, ToThread } from './thread-messages.ts'

const { config, names } = workerData as { config: Config; names: readonly StoreName[] }
const port = parentPort
if (port === null) throw new Error('this file runs as a thread')
const tell = (message: FromThread): void => port.postMessage(message)

const { given, close } = await assemble(config, (signal) => {
  // The main thread has said so.
  if (signal.signal !== 'log.opened') tell({ signal })
})
const lattice = await start(given, {
  stores: names,
  role: 'stores',
  ownedAround: true,
  moved: (store, at) => tell({ moved: { store, at } }),
})
void lattice.broken.then(({ code, message, remedy }) => tell({ broken: { code, message, remedy } }))

port.on('message', ({ id, store, ask, given: args }: ToThread) => {
  answer(store, ask, args).then(
    (value) => tell({ id, value }),
    (error: unknown) => {
      const { code, message, remedy } = isFailure(error)
        ? error
        : { code: 'internal' as const, message: String(error), remedy: '' }
      tell({ id, failure: { code, message, remedy } })
    },
  )
})
tell({ ready: lattice.owned.map((store) => store.status()) })

async function answer(name: StoreName | 'all', ask: ToThread['ask'], args: readonly unknown[]): Promise<unknown> {
  if (ask === 'close') {
    await lattice.close()
    await close()
    setImmediate(() => port?.close())
    return undefined
  }
  const store = lattice.owned.find((one) => one.name === name)
  if (store === undefined) throw new Error(`store ${name} is not in this thread`)
  if (ask === 'contentHash') return store.contentHash()
  if (ask === 'switchTo') return store.switchTo(args[0] as Parameters<typeof store.switchTo>[0])
  const { warehouse } = lattice.stores
  if (warehouse === undefined) throw new Error('the warehouse is not in this thread')
  if (ask === 'snapshot') return warehouse.query((columns) => columns.snapshot(args[0] as string))
  return warehouse.query((columns) => columns.query(args[0] as string, args[1] as readonly unknown[]))
}
