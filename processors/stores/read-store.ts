import type { Clock } from '#processors/ports/clock.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { StoreBuilds } from '#processors/ports/store-builds.ts'
import type { Position } from '#schemas/position.ts'
import type { ReadOnlyStore, StoreDefinition } from './store.ts'

/**
 * A store as a query sees it, whoever owns it.
 *
 * Promise: one answer reads one build, at that build's own position.
 */
export interface ReadableStore<Reads> {
  readonly name: string
  query<Answer>(ask: (reads: Reads) => Promise<Answer> | Answer): Promise<Answer>
  next(topic: string, partition: number): number
  reached(positions: readonly Position[], waitMs: number, signal?: AbortSignal): Promise<boolean>
}

const lookAgainMs = 10

/** A store that another process of this machine owns: its current build, opened read-only. Errors: `store.locked`. */
export function readStore<Reads>(
  definition: StoreDefinition<Reads>,
  given: { builds: StoreBuilds; clock: Clock },
): ReadableStore<Reads> & { close(): void } {
  let opened: { id: string; store: ReadOnlyStore<Reads> } | undefined

  function current(): ReadOnlyStore<Reads> {
    const build = given.builds.current(definition.name)
    if (build === undefined) throw new Failure('store.unknown', `store ${definition.name} is not built yet`)
    if (opened?.id === build.id) return opened.store
    if (definition.openToRead === undefined) {
      throw new Failure('store.locked', `store ${definition.name} can be read only by the process that owns it`, {
        remedy: 'ask the server: GET /v1/stores',
      })
    }
    opened?.store.close()
    opened = { id: build.id, store: definition.openToRead(build.folder) }
    return opened.store
  }

  const next = (topic: string, partition: number): number =>
    current()
      .checkpoints()
      .find((at) => at.topic === topic && at.partition === partition)?.next ?? 0

  return {
    name: definition.name,
    next,
    query: async (ask) => ask(current().reads),
    async reached(positions, waitMs, signal) {
      const until = given.clock.monotonic() + waitMs
      while (!positions.every((at) => next(at.topic, at.partition) > at.offset)) {
        if (given.clock.monotonic() >= until || signal?.aborted === true) return false
        await given.clock.sleep(lookAgainMs, signal)
      }
      return true
    },
    close: () => opened?.store.close(),
  }
}
