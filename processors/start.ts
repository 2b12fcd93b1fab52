import { openCodec } from '#schemas/wire/codec.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { readBook } from './budgets/budgets.projection.ts'
import { openBudgets } from './budgets/budgets.ts'
import type { Budgets } from './budgets/budgets.ts'
import { openPrices } from './budgets/prices.ts'
import type { Prices } from './budgets/prices.ts'
import type { StoreName, Stores } from './catalog.ts'
import { reactorFailed } from './delivery/reactor-failed.ts'
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
import { type ModelQueries, openModelQueries } from './models/models.query.ts'
import { toldBreakers } from './models/told-breakers.ts'
import { Failure, isFailure } from './ports/failure.ts'
import { openStores } from './open-stores.ts'
import type { OpenedStores, ReadsOf, StoresOptions } from './open-stores.ts'
import type { TableStore } from './ports/table-store.ts'
import { builtIn } from './models/route-model.ts'
import type { LiveStore } from './stores/live-store.ts'
import { followPromotions } from './stores/follow-promotions.ts'
import type { ReadableStore } from './stores/read-store.ts'
import { openSql } from './warehouse/sql.query.ts'
import type { SqlQueries } from './warehouse/sql.query.ts'

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
  readonly models: ModelQueries
  readonly prices: Prices
  /** Reads nothing before it is first asked. */
  readonly budgets: Budgets
  readonly definitions: Stores
  readonly stores: OpenedStores['stores']
  /** Anybody's SELECT over the warehouse. */
  readonly sql: SqlQueries
  /** Those this process owns. */
  readonly owned: readonly LiveStore[]
  /** Resolves with the reason when something this process can't go on without has stopped. */
  readonly broken: Promise<Failure>
  close(): Promise<void>
}

export interface StartOptions extends StoresOptions {
  /** Role in the events' source: api, worker, run, … */
  readonly role: string
  /** A process that stays: its stores go on to builds that are promoted. */
  readonly stays?: boolean
}

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
    report,
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
  const guarded = toldBreakers({ models: given.models, journal, clock, report, worker: settings.worker })
  const park = parkOn({ journal, clock, report, signal: stopping.signal })
  async function closeLog(): Promise<void> {
    await feed.close()
    referee.close()
    await log.close()
    refereeLock?.release()
  }

  const ports = { log, codec, feed, clock, report, park, given, claimCheck }
  const opened = await openStores(options, ports).catch(async (error: unknown) => {
    await closeLog()
    throw error
  })
  const { definitions, stores, owned } = opened
  const prices = openPrices({
    rules: settings.prices,
    isLocal: (name) => name === builtIn.provider || given.models.chain.providers.get(name)?.local === true,
  })
  const budgets = openBudgets({
    log,
    codec,
    journal,
    clock,
    report,
    prices,
    rules: settings.budgets,
    restore: async () => stores.lookup?.query((tables) => tables.snapshot(() => readBook(tables))),
  })
  const sql = openSql({
    warehouse: () => warehouseIn(stores),
    openSandbox: given.openSqlSandbox,
    scratch: given.scratch,
    partitions: definitions.warehouse.topics.flatMap((topic) =>
      Array.from({ length: log.partitions(topic) }, (_, partition) => ({ topic, partition })),
    ),
    clock,
  })

  async function follow(): Promise<void> {
    if (options.stays !== true) return
    const { builds } = given
    try {
      await followPromotions({ log, codec, builds, owned, report }, stopping.signal)
    } catch (error) {
      if (stopping.signal.aborted) return
      report(reactorFailed('follow-promotions', error))
    }
  }
  const following = follow()

  return {
    given,
    codec,
    claimCheck,
    journal,
    feed,
    park,
    models: openModelQueries({ models: given.models, guarded, clock }),
    prices,
    budgets,
    definitions,
    stores: stores,
    sql,
    owned,
    broken: broken.promise,
    async close() {
      stopping.abort()
      await following
      await sql.close()
      await budgets.close()
      await opened.close()
      await closeLog()
    },
  }
}

function warehouseIn({ warehouse }: Lattice['stores']): ReadableStore<ReadsOf<'warehouse'>> {
  if (warehouse !== undefined) return warehouse
  throw new Failure('store.locked', 'this process has no warehouse', { remedy: 'ask the process with the role stores' })
}

function ownReferee(given: Given, path: string): Referee {
  return createReferee(given.openTables(path, { schema: refereeTables }))
}

/** A process that does not own the referee's store judges on from snapshots of it, in memory. */
function refereeOfAnother(given: Given): Referee {
  const path = given.refereePath(given.log.id)
  const pin = (): TableStore => {
    const tables = given.openTables(path, { readOnly: true })
    try {
      tables.run('BEGIN')
      tables.get('SELECT count(*) AS n FROM judged')
      return tables
    } catch (error) {
      tables.close()
      throw new Failure('store.unknown', `${path} is only being made`, { cause: error })
    }
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
  return store
}
