import type { Clock } from '#processors/ports/clock.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { LiveStore } from './live-store.ts'
import type { ReadableStore } from './read-store.ts'

/**
 * A store that another process owns, and this one does once that process has left.
 *
 * Promise: who waits here never waits for a process that is gone, nor for one that has not made its first build yet.
 * Until then it is read as it stands.
 */
export function inheritStore<Reads>(
  reader: ReadableStore<Reads>,
  given: {
    /** Undefined while another process has it. */
    readonly tryOwn: () => Promise<LiveStore<Reads> | undefined>
    readonly clock: Clock
  },
): ReadableStore<Reads> {
  const { clock } = given
  let live: LiveStore<Reads> | undefined
  let owning: Promise<LiveStore<Reads> | undefined> | undefined

  /** One at a time, as opening a store takes its while. */
  async function own(): Promise<LiveStore<Reads> | undefined> {
    live ??= await (owning ??= given.tryOwn().finally(() => (owning = undefined)))
    return live
  }

  /** What `ask` gives, asked again for a while where there is no build yet. */
  async function onceBuilt<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const until = clock.monotonic() + firstBuildMs
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        // An engine that lets one process in is closed to this one for as long as the other lives.
        const isTheirs = isFailure(error, 'store.locked')
        if (!(isTheirs || isFailure(error, 'store.unknown')) || clock.monotonic() >= until) throw error
        if ((await own()) === undefined && isTheirs) throw error
        await clock.sleep(lookAgainMs)
      }
    }
  }

  return {
    name: reader.name,
    next: (topic, partition) => (live ?? reader).next(topic, partition),
    query: (ask) => onceBuilt(() => (live ?? reader).query(ask)),
    async reached(positions, waitMs, signal) {
      const until = clock.monotonic() + waitMs
      for (;;) {
        const leftMs = Math.max(0, until - clock.monotonic())
        const isThere = await onceBuilt(() =>
          (live ?? reader).reached(positions, Math.min(leftMs, lookForOwnerMs), signal),
        )
        if (isThere || leftMs === 0 || signal?.aborted === true) return isThere
        if (live === undefined) await own()
      }
    },
  }
}

const firstBuildMs = 5_000
const lookAgainMs = 10
const lookForOwnerMs = 100
