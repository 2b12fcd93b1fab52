/**
 * A process on a real log, with everything a store needs to be folded, and nothing that answers for a model.
 *
 * Promise: without an opener the log is an embedded one below the world's folder; with one it is any log, and a child
 * process given the same options opens the same.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDiskFolderStore } from '#infra/disk/disk-folder-store.ts'
import { openDiskObjects } from '#infra/disk/disk-objects.ts'
import { openStoreFolder } from '#infra/disk/store-folder.ts'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { storesOf, type Stores } from '#processors/catalog.ts'
import { type ClaimCheck, createClaimCheck } from '#processors/journal/claim-check.ts'
import { type Journal, openJournal } from '#processors/journal/journal.ts'
import { type Park, parkOn } from '#processors/journal/park.ts'
import { createRedactor } from '#processors/journal/redact.ts'
import { createReferee, refereeTables } from '#processors/journal/referee.ts'
import { openRunFeed, type RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Objects } from '#processors/ports/objects.ts'
import type { Signal } from '#processors/ports/report.ts'
import type { StoreBuilds } from '#processors/ports/store-builds.ts'
import type { FoldPorts } from '#processors/stores/fold-topics.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { type Codec, openCodec } from '#schemas/wire/codec.ts'
import { type Opener, openedBy } from '#test/contracts/opener.ts'

export interface LogWorld {
  readonly folder: string
  readonly log: EventLog
  readonly codec: Codec
  readonly clock: Clock
  readonly objects: Objects
  readonly claimCheck: ClaimCheck
  readonly journal: Journal
  readonly feed: RunFeed
  readonly park: Park
  readonly builds: StoreBuilds
  readonly stores: Stores
  readonly signals: Signal[]
  readonly ports: FoldPorts & { readonly builds: StoreBuilds }
  close(): Promise<void>
}

export interface LogWorldOptions {
  readonly folder?: string
  /** How the log is opened; it then has the partitions its space was made with. */
  readonly log?: Opener
  /** Of the embedded log. */
  readonly partitions?: number
  /** Where builds and run folders are; below `folder` by default. */
  readonly storesIn?: string
  readonly clock?: Clock
  readonly claimCheckBytes?: number
}

export async function openLogWorld(options: LogWorldOptions = {}): Promise<LogWorld> {
  const { partitions = 1, clock = createSystemClock(), claimCheckBytes = 256 * 1024 } = options
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'lattice-world-'))
  const storesIn = options.storesIn ?? folder
  const signals: Signal[] = []
  const report = (signal: Signal): void => void signals.push(signal)
  const log =
    options.log === undefined
      ? await openEmbeddedEventLog({ path: join(folder, 'log'), partitions, syncMode: 'off' })
      : await (await openedBy(options.log)).openEventLog(options.log.given)
  const codec = await openCodec(catalogSchemaIds())
  const objects = openDiskObjects(join(folder, 'objects'))
  const claimCheck = createClaimCheck({ objects, thresholdBytes: claimCheckBytes })
  const referee = createReferee(openSqliteTableStore({ path: ':memory:', schema: refereeTables }))
  const feed = openRunFeed({ log, referee, clock, follow: true, report })
  const journal = openJournal({
    log,
    codec,
    redactor: createRedactor([]),
    claimCheck,
    clock,
    source: '/lattice/test/1',
    report,
    onAppended: (topic, positions, records) => void (topic === 'runs.v1' && feed.appended(positions, records)),
  })
  const stopping = new AbortController()
  const park = parkOn({ journal, clock, report, signal: stopping.signal })
  const builds = openStoreFolder({ root: join(storesIn, 'stores'), newId: () => clock.newId() })
  const stores = storesOf({
    openTables: (path, how) => openSqliteTableStore({ path, ...how }),
    openColumns: (path) => openDuckdbColumnStore({ path }),
    openFolders: (at, { live }) =>
      openDiskFolderStore({ root: join(live ? storesIn : at, 'runs'), statePath: join(at, 'folders.sqlite') }),
    claimCheck,
  })
  return {
    folder,
    log,
    codec,
    clock,
    objects,
    claimCheck,
    journal,
    feed,
    park,
    builds,
    stores,
    signals,
    ports: { log, codec, feed, clock, report, park, builds },
    async close() {
      stopping.abort()
      await feed.close()
      referee.close()
      await log.close()
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}
