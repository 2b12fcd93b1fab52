import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { StoreBuild, StoreBuilds } from '#processors/ports/store-builds.ts'
import type { Position } from '#schemas/position.ts'
import { openBuildNote } from './build-note.ts'
import { createFoldMeter } from './fold-meter.ts'
import { createReached } from './reached.ts'
import { foldTopics } from './fold-topics.ts'
import type { FoldPorts } from './fold-topics.ts'
import type { OpenStore, StoreDefinition } from './store.ts'

/**
 * A store this process owns: its current build, folded as the log grows, with waiters on its position.
 *
 * Promise: queries always see a whole build. A raised version is built in a new folder and becomes current once it has
 * caught up (R7); a switch never takes a reader back to an earlier position, and closes the old build after its last
 * query.
 */
export interface LiveStore<Reads = unknown> {
  readonly name: string
  /** Asks the current build, also where folding has stopped; it stays open until `ask` settles. */
  query<Answer>(ask: (reads: Reads) => Promise<Answer> | Answer): Promise<Answer>
  /** Offset of the first record not folded yet. */
  next(topic: string, partition: number): number
  /** Whether all of these positions are folded within `waitMs`. */
  reached(positions: readonly Position[], waitMs: number, signal?: AbortSignal): Promise<boolean>
  status(): StoreStatus
  contentHash(): ReturnType<OpenStore['contentHash']>
  /**
   * Makes another build of this version the one that is asked, once it has folded as far as this one has. When that
   * fails this one stays. One switch at a time.
   */
  switchTo(build: StoreBuild): Promise<void>
  close(): Promise<void>
}

export interface StoreStatus {
  readonly store: string
  readonly version: number
  readonly build: string
  /** `stalled`: it waits for a fault to pass, such as a full disk, and tries again (R4). */
  readonly state: 'folding' | 'stalled' | 'stopped'
  readonly reason?: string
  readonly remedy?: string
  readonly positions: readonly { readonly topic: string; readonly partition: number; readonly next: number }[]
}

export async function openLiveStore<Reads>(
  definition: StoreDefinition<Reads>,
  given: {
    readonly builds: StoreBuilds
    readonly ports: Omit<FoldPorts, 'folded' | 'skipped'>
    /** Told where it begins, and after each commit. */
    readonly moved?: (at: StoredCheckpoint) => void
  },
): Promise<LiveStore<Reads>> {
  const { builds, ports } = given
  const reached = createReached(ports.clock)
  let stopped: Failure | undefined
  /** Why it waits, while it does. */
  let stalled: string | undefined
  let current = await openBuild(await currentBuild(), { live: true })
  let folding = fold(current)

  async function currentBuild(): Promise<StoreBuild> {
    const build = builds.current(definition.name)
    if (build?.version === definition.version) return build
    if (build !== undefined && build.version > definition.version) {
      throw new Failure(
        'store.newer',
        `store ${definition.name} is of version ${build.version}; this program knows ${definition.version}`,
        {
          remedy: 'use the newer program',
        },
      )
    }
    const fresh = builds.create(definition.name, definition.version)
    if (build !== undefined) {
      const opened = await openBuild(fresh, { live: false })
      await catchUp(opened)
      await opened.store.close()
    }
    builds.promote(fresh)
    return fresh
  }

  async function openBuild(build: StoreBuild, as: { live: boolean }): Promise<OpenBuild<Reads>> {
    const note = openBuildNote(build.folder, { store: build.store, version: build.version, logId: ports.log.id })
    note.check((type) => definition.wants(type))
    const store = await definition.open(build.folder, as)
    ports.report({ signal: 'store.opened', store: build.store, version: build.version, build: build.id })
    return { build, note, store, ended: new AbortController(), asking: new Set() }
  }

  function foldPorts(opened: OpenBuild<Reads>): FoldPorts {
    return { ...ports, skipped: (type) => opened.note.skipped(type) }
  }

  async function fold(opened: OpenBuild<Reads>): Promise<void> {
    const moved = (at: StoredCheckpoint): void => {
      reached.set(at.topic, at.partition, at.next)
      given.moved?.(at)
    }
    const begins = await opened.store.checkpoints()
    for (const at of begins) moved(at)
    const meter = createFoldMeter(definition, { ...ports, signal: opened.ended.signal }, begins)
    const folded = (at: StoredCheckpoint): void => {
      moved(at)
      meter.moved(at)
    }
    const report: FoldPorts['report'] = (signal) => {
      if (signal.signal === 'store.stalled') {
        stalled = signal.message
        meter.waits()
      }
      if (signal.signal === 'store.resumed') stalled = undefined
      ports.report(signal)
    }
    const withWaiters: FoldPorts = { ...foldPorts(opened), report, folded }
    await foldTopics(definition, opened.store, withWaiters, { follow: true, signal: opened.ended.signal }).catch(
      (error: unknown) => {
        if (!opened.ended.signal.aborted) stop(error)
      },
    )
  }

  function stop(error: unknown): void {
    stopped =
      error instanceof Failure
        ? error
        : new Failure('internal', `store ${definition.name} stopped: ${String(error)}`, { cause: error })
    ports.report({ signal: 'store.stopped', store: definition.name, code: stopped.code, message: stopped.message })
    reached.stop()
  }

  function catchUp(opened: OpenBuild<Reads>): Promise<void> {
    return foldTopics(definition, opened.store, foldPorts(opened), { follow: false, signal: opened.ended.signal })
  }

  async function endFolding(opened: OpenBuild<Reads>): Promise<void> {
    opened.ended.abort()
    await folding
  }

  /** A switch has failed: the build from before goes on. */
  function goOn(old: OpenBuild<Reads>, error: unknown): never {
    if (old.ended.signal.aborted) {
      current = { ...old, ended: new AbortController() }
      folding = fold(current)
    }
    throw error
  }

  async function closeBuild(opened: OpenBuild<Reads>): Promise<void> {
    await Promise.allSettled(opened.asking)
    await opened.store.close()
  }

  return {
    name: definition.name,
    async query(ask) {
      const { store, asking } = current
      const answer = Promise.resolve(ask(store.reads))
      asking.add(answer)
      try {
        return await answer
      } finally {
        asking.delete(answer)
      }
    },
    next: (topic, partition) => reached.next(topic, partition),
    reached: (positions, waitMs, signal) => reached.wait(positions, waitMs, signal),
    status: () => ({
      store: definition.name,
      version: definition.version,
      build: current.build.id,
      ...stateOf(stopped, stalled),
      positions: reached.all(),
    }),
    contentHash: () => current.store.contentHash(),
    async switchTo(build) {
      const old = current
      if (definition.sharesFiles === true) await endFolding(old)
      const opened = await openBuild(build, { live: true }).catch((error: unknown) => goOn(old, error))
      try {
        if (definition.sharesFiles !== true) {
          await catchUp(opened)
          await endFolding(old)
        }
        // What the old one folded meanwhile: nobody is taken back behind what they have seen.
        await catchUp(opened)
      } catch (error) {
        await opened.store.close()
        return goOn(old, error)
      }
      stopped = undefined
      stalled = undefined
      reached.goOn()
      current = opened
      folding = fold(opened)
      await closeBuild(old)
    },
    async close() {
      await endFolding(current)
      reached.stop()
      await closeBuild(current)
    },
  }
}

function stateOf(
  stopped: Failure | undefined,
  stalled: string | undefined,
): Pick<StoreStatus, 'state' | 'reason' | 'remedy'> {
  if (stopped !== undefined) return { state: 'stopped', reason: stopped.message, remedy: stopped.remedy }
  return stalled === undefined ? { state: 'folding' } : { state: 'stalled', reason: stalled }
}

interface OpenBuild<Reads> {
  readonly build: StoreBuild
  readonly note: ReturnType<typeof openBuildNote>
  readonly store: OpenStore<Reads>
  readonly ended: AbortController
  readonly asking: Set<Promise<unknown>>
}
