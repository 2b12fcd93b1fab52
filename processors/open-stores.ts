import { storesOf } from './catalog.ts'
import type { StoreName, Stores } from './catalog.ts'
import type { Given } from './given.ts'
import type { ClaimCheck } from './journal/claim-check.ts'
import type { StoredCheckpoint } from './ports/column-store.ts'
import type { FoldPorts } from './stores/fold-topics.ts'
import { inheritStore } from './stores/inherit-store.ts'
import { openLiveStore } from './stores/live-store.ts'
import type { LiveStore } from './stores/live-store.ts'
import { readStore } from './stores/read-store.ts'
import type { ReadableStore } from './stores/read-store.ts'
import type { StoreDefinition } from './stores/store.ts'

/**
 * The stores of a process: owned where it gets their lock, in a thread where that is asked for, else read as they stand,
 * and owned once their owner has left.
 *
 * Promise: opened all or none; what was opened before one fails is closed again.
 */
export interface OpenedStores {
  readonly definitions: Stores
  readonly stores: { readonly [Name in StoreName]?: ReadableStore<ReadsOf<Name>> }
  /** Those this process owns. */
  readonly owned: readonly LiveStore[]
  close(): Promise<void>
}

export type ReadsOf<Name extends StoreName> = Stores[Name] extends StoreDefinition<infer Reads> ? Reads : never

export interface StoresOptions {
  /** Stores to open, in the order they are needed. */
  readonly stores: readonly StoreName[]
  /** Stores to look into as they stand, whoever owns them; nothing is folded. */
  readonly readOnly?: readonly StoreName[]
  /** Stores this process owns but folds in a thread, so that their files and engines never keep a request waiting. */
  readonly threaded?: { readonly names: readonly StoreName[]; readonly open: OpenThread }
  /** In that thread: the process around it holds the locks. */
  readonly ownedAround?: boolean
  /** Told after each commit of an owned store. */
  readonly moved?: (store: StoreName, at: StoredCheckpoint) => void
}

export type OpenThread = (names: readonly StoreName[]) => Promise<readonly LiveStore[]>

type OpenPorts = Omit<FoldPorts, 'folded' | 'skipped'> & { readonly given: Given; readonly claimCheck: ClaimCheck }

export async function openStores(options: StoresOptions, ports: OpenPorts): Promise<OpenedStores> {
  const { given } = ports
  const definitions = storesOf({ ...given, claimCheck: ports.claimCheck })
  const stores = new Map<StoreName, ReadableStore<unknown>>()
  const owned: LiveStore[] = []
  const readers: { close(): void }[] = []
  const locks: { release(): void }[] = []
  let closed = false

  async function close(): Promise<void> {
    closed = true
    await Promise.allSettled(owned.map((store) => store.close()))
    for (const reader of readers) reader.close()
    for (const lock of locks) lock.release()
  }

  function read(name: StoreName): ReadableStore<unknown> {
    const reader = readStore(definitions[name] as StoreDefinition, { builds: given.builds, clock: given.clock })
    stores.set(name, reader)
    readers.push(reader)
    return reader
  }

  function inherit(name: StoreName): void {
    const tryOwn = async (): Promise<LiveStore | undefined> => {
      const lock = closed ? undefined : given.locks.tryAcquire(`store-${name}`)
      if (lock === undefined) return undefined
      locks.push(lock)
      const live = await openOwn(name)
      owned.push(live)
      return live
    }
    stores.set(name, inheritStore(read(name), { tryOwn, clock: given.clock }))
  }

  function openOwn(name: StoreName): Promise<LiveStore> {
    const { moved } = options
    const tellMoved = moved === undefined ? {} : { moved: (at: StoredCheckpoint) => moved(name, at) }
    return openLiveStore(definitions[name] as StoreDefinition, { builds: given.builds, ports, ...tellMoved })
  }

  function own(live: LiveStore): void {
    stores.set(live.name as StoreName, live)
    owned.push(live)
  }

  async function openAll(): Promise<void> {
    const { threaded } = options
    const inThread: StoreName[] = []
    for (const name of options.stores) {
      const lock = options.ownedAround === true ? heldAround : given.locks.tryAcquire(`store-${name}`)
      if (lock === undefined) {
        inherit(name)
        continue
      }
      locks.push(lock)
      if (threaded?.names.includes(name) === true) inThread.push(name)
      else own(await openOwn(name))
    }
    for (const name of options.readOnly ?? []) read(name)
    if (threaded !== undefined && inThread.length > 0) for (const live of await threaded.open(inThread)) own(live)
  }

  try {
    await openAll()
  } catch (error) {
    await close()
    throw error
  }
  return { definitions, stores: Object.fromEntries(stores) as OpenedStores['stores'], owned, close }
}

const heldAround = { release() {} }
