import { Worker } from 'node:worker_threads'
import type { StoreName } from '#processors/catalog.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Report } from '#processors/ports/report.ts'
import type { LiveStore, StoreStatus } from '#processors/stores/live-store.ts'
import { createReached } from '#processors/stores/reached.ts'
import type { FailureParts, FromThread, ToThread } from './thread-messages.ts'

/**
 * The stores of `stores-thread.ts` as the main thread sees them.
 *
 * Promise: a store here waits, answers and stops as one of this thread does; a thread that dies makes every question
 * fail by name instead of waiting for ever.
 */
export async function openThreadedStores(
  names: readonly StoreName[],
  given: { readonly config: unknown; readonly clock: Clock; readonly report: Report },
): Promise<readonly LiveStore[]> {
  const thread = new Worker(new URL('./stores-thread.ts', import.meta.url), {
    workerData: { config: given.config, names },
    // Without it the young heap grows to 128 MB while the thread catches up, and folds no faster for it.
    resourceLimits: { maxYoungGenerationSizeMb: 24 },
  })
  const reached = new Map(names.map((name) => [name as string, createReached(given.clock)]))
  const stopped = new Map<string, string>()
  const stalled = new Map<string, string>()
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Failure) => void }>()
  const ready = Promise.withResolvers<readonly StoreStatus[]>()
  let asked = 0
  let over: Failure | undefined

  function end(failure: Failure): void {
    over = failure
    ready.reject(failure)
    for (const one of waiting.values()) one.reject(failure)
    waiting.clear()
    for (const one of reached.values()) one.stop()
  }

  function ask(store: ToThread['store'], what: ToThread['ask'], ...args: readonly unknown[]): Promise<unknown> {
    if (over !== undefined) return Promise.reject(over)
    const id = (asked += 1)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    waiting.set(id, { resolve, reject })
    thread.postMessage({ id, store, ask: what, given: args } satisfies ToThread)
    return promise
  }

  thread.on('message', (message: FromThread) => {
    if ('moved' in message) {
      const { store, at } = message.moved
      reached.get(store)?.set(at.topic, at.partition, at.next)
    } else if ('signal' in message) {
      const { signal } = message
      if (signal.signal === 'store.stopped') {
        stopped.set(signal.store, signal.message)
        reached.get(signal.store)?.stop()
      }
      if (signal.signal === 'store.stalled') stalled.set(signal.store, signal.message)
      if (signal.signal === 'store.resumed') stalled.delete(signal.store)
      given.report(signal)
    } else if ('ready' in message) ready.resolve(message.ready)
    else if ('broken' in message) end(asFailure(message.broken))
    else if ('failure' in message) waiting.get(message.id)?.reject(asFailure(message.failure))
    else waiting.get(message.id)?.resolve(message.value)
    if ('id' in message) waiting.delete(message.id)
  })
  thread.on('error', (error: Error) =>
    end(new Failure('internal', `the stores' thread failed: ${error.message}`, { cause: error })),
  )
  thread.on('exit', () => end(new Failure('log.closed', "the stores' thread has ended")))

  const statuses = await ready.promise
  let open = statuses.length
  return statuses.map((status) => {
    const own = reached.get(status.store) ?? createReached(given.clock)
    for (const at of status.positions) own.set(at.topic, at.partition, at.next)
    const name = status.store as StoreName
    let { build } = status
    const reads = {
      query: (sql: string, values?: readonly unknown[]) => ask(name, 'query', sql, values),
      snapshot: (path: string) => ask(name, 'snapshot', path),
    }
    return {
      name,
      query: async (use) => use(reads),
      next: (topic, partition) => own.next(topic, partition),
      reached: (positions, waitMs, signal) => own.wait(positions, waitMs, signal),
      status: () => {
        const reason = stopped.get(name) ?? over?.message
        const now = { ...status, build, positions: own.all() }
        if (reason !== undefined) return { ...now, state: 'stopped', reason }
        const waitsFor = stalled.get(name)
        return waitsFor === undefined ? now : { ...now, state: 'stalled', reason: waitsFor }
      },
      contentHash: () => ask(name, 'contentHash') as ReturnType<LiveStore['contentHash']>,
      async switchTo(next) {
        await ask(name, 'switchTo', next)
        build = next.id
        stopped.delete(name)
        stalled.delete(name)
      },
      async close() {
        open -= 1
        if (open > 0) return
        await ask('all', 'close').catch(() => {})
        await thread.terminate()
      },
    } satisfies LiveStore
  })
}

function asFailure({ code, message, remedy }: FailureParts): Failure {
  return new Failure(code, message, { remedy })
}
