import { openCodec } from '#schemas/wire/codec.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { storesOf } from './catalog.ts'
import type { StoreName, Stores } from './catalog.ts'
import type { Given } from './given.ts'
import { createClaimCheck } from './journal/claim-check.ts'
import type { ClaimCheck } from './journal/claim-check.ts'
import { openJournal } from './journal/journal.ts'
import type { Journal } from './journal/journal.ts'
import { parkOn } from './journal/park.ts'
import type { Park } from './journal/park.ts'
import { createRedactor } from './journal/redact.ts'
import { createReferee, refereeTables } from './journal/referee.ts'
import type { Referee } from './journal/referee.ts'
import { openRunFeed } from './journal/run-feed.ts'
import type { RunFeed } from './journal/run-feed.ts'
import type { StoredCheckpoint } from './ports/column-store.ts'
import { Failure, isFailure } from './ports/failure.ts'
import type { TableStore } from './ports/table-store.ts'
import { openLiveStore } from './stores/live-store.ts'
import type { LiveStore } from './stores/live-store.ts'
import { readStore } from './stores/read-store.ts'
import type { ReadableStore } from './stores/read-store.ts'
import type { StoreDefinition } from './stores/store.ts'

/**
 * Ports, settings and roles in; journal, feed and readable stores out.
 *
 * Promise: a store is owned by one process of a machine; who does not get its lock reads it read-only. Nothing is
 * called and nothing is written by starting, but for a store's own folder.
 */
export interface Lattice {
  readonly given: Given
  readonly codec: Codec
  readonly claimCheck: ClaimCheck
  readonly journal: Journal
  readonly feed: RunFeed
  readonly park: Park
  readonly definitions: Stores
  readonly stores: { readonly [Name in StoreName]?: ReadableStore<ReadsOf<Name>> }
  /** Those this process owns. */
  readonly owned: readonly LiveStore[]
  /** Resolves with the reason when something this process can't go on without has stopped. */
  readonly broken: Promise<Failure>
  close(): Promise<void>
}

export type ReadsOf<Name extends StoreName> = Stores[Name] extends StoreDefinition<infer Reads> ? Reads : never

export interface StartOptions {
  /** Stores to open, in the order they are needed. */
  readonly stores: readonly StoreName[]
  /** Stores to look into as they stand, whoever owns them; nothing is folded. */
  readonly readOnly?: readonly StoreName[]
  /** Role in the events' source: api, worker, run, … */
  readonly role: string
  /** Stores this process owns but folds in a thread, so that their files and engines never keep a request waiting. */
  readonly threaded?: { readonly names: readonly StoreName[]; readonly open: OpenThread }
  /** In that thread: the process around it holds the locks. */
  readonly ownedAround?: boolean
  /** Told after each commit of an owned store. */
  readonly moved?: (store: StoreName, at: StoredCheckpoint) => void
}

export type OpenThread = (names: readonly StoreName[]) => Promise<readonly LiveStore[]>

export async function start(given: Given, options: StartOptions): Promise<Lattice> {
  const { log, clock, report, settings } = given
  const broken = Promise.withResolvers<Failure>()
  const stopping = new AbortController()
  const codec = await openCodec(given.schemaIds)
  const claimCheck = createClaimCheck({ objects: given.objects, thresholdBytes: settings.claimCheckBytes })
  const refereeLock = given.locks.tryAcquire('referee')
  const referee = refereeLock === undefined ? refereeOfAnother(given) : ownReferee(given, given.refereePath(log.id))
  const feed = openRunFeed({
    log,
    clock,
    follow: true,
    referee,
    onStopped: (failure) => broken.resolve(failure),
  })
  const journal = openJournal({
    log,
    codec,
    claimCheck,
    clock,
    report,
    redactor: createRedactor(settings.secrets),
    source: `/lattice/${options.role}/${settings.worker}`,
    onAppended(topic, positions, records) {
      if (topic === 'runs.v1') feed.appended(positions, records)
    },
  })
  const park = parkOn({ journal, clock, report, signal: stopping.signal })
  const definitions = storesOf({ ...given, claimCheck })
  const owned: LiveStore[] = []
  const readers: { close(): void }[] = []
  const locks = refereeLock === undefined ? [] : [refereeLock]
  const stores: Partial<Record<StoreName, unknown>> = {}

  const inThread: StoreName[] = []
  const { moved } = options

  const foldPorts = { log, codec, feed, clock, report, park }
  for (const name of options.stores) {
    const definition = definitions[name] as StoreDefinition
    const lock = options.ownedAround === true ? heldAround : given.locks.tryAcquire(`store-${name}`)
    if (lock !== undefined && options.threaded?.names.includes(name) === true) {
      locks.push(lock)
      inThread.push(name)
    } else if (lock === undefined) {
      const reader = readStore(definition, { builds: given.builds, clock })
      stores[name] = reader
      readers.push(reader)
    } else {
      locks.push(lock)
      const live = await openLiveStore(definition, {
        builds: given.builds,
        ports: foldPorts,
        ...(moved === undefined ? {} : { moved: (at) => moved(name, at) }),
      })
      stores[name] = live
      owned.push(live)
    }
  }

  for (const name of options.readOnly ?? []) {
    const reader = readStore(definitions[name] as StoreDefinition, { builds: given.builds, clock })
    stores[name] = reader
    readers.push(reader)
  }
  if (options.threaded !== undefined && inThread.length > 0) {
    for (const live of await options.threaded.open(inThread)) {
      stores[live.name as StoreName] = live
      owned.push(live)
    }
  }

  return {
    given,
    codec,
    claimCheck,
    journal,
    feed,
    park,
    definitions,
    stores: stores as Lattice['stores'],
    owned,
    broken: broken.promise,
    async close() {
      stopping.abort()
      await Promise.allSettled(owned.map((store) => store.close()))
      for (const reader of readers) reader.close()
      await feed.close()
      referee.close()
      await log.close()
      for (const lock of locks) lock.release()
    },
  }
}

const heldAround = { release() {} }

function ownReferee(given: Given, path: string): Referee {
  return createReferee(given.openTables(path, { schema: refereeTables }))
}

/** A process that does not own the referee's store judges on from snapshots of it, in memory. */
function refereeOfAnother(given: Given): Referee {
  const path = given.refereePath(given.log.id)
  const pin = (): TableStore => {
    const tables = given.openTables(path, { readOnly: true })
    tables.run('BEGIN')
    tables.get('SELECT count(*) AS n FROM judged')
    return tables
  }
  try {
    return createReferee(pin(), pin)
  } catch (error) {
    if (!isFailure(error)) throw error
    return ownReferee(given, ':memory:')
  }
}

/** A store that must be open here. */
export function need<Name extends StoreName>(lattice: Lattice, name: Name): ReadableStore<ReadsOf<Name>> {
  const store = lattice.stores[name]
  if (store === undefined) throw new Failure('store.unknown', `store ${name} is not open in this process`)
  return store as ReadableStore<ReadsOf<Name>>
}
