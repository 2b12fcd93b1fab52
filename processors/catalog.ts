import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import { budgetsProjection } from '#processors/budgets/budgets.projection.ts'
import { parkedProjection } from '#processors/delivery/parked.projection.ts'
import type { ColumnStore } from '#processors/ports/column-store.ts'
import type { FolderStore } from '#processors/ports/folder-store.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import { runFolders } from '#processors/runs/run-folders.ts'
import { runsProjection } from '#processors/runs/runs.projection.ts'
import { chunksProjection } from '#processors/search/chunks.projection.ts'
import type { StoreDefinition } from '#processors/stores/store.ts'
import { tableStore } from '#processors/stores/table-store-definition.ts'
import { warehouse } from '#processors/warehouse/event-tables.ts'
import type { WarehouseReads } from '#processors/warehouse/event-tables.ts'

/**
 * Every store, projection and reactor on one screen, in the order of the data.
 *
 * Adding a projection is a line in its store; a store, a line in `storesOf`; a reactor, a line in `reactors`.
 */
export const projections = {
  lookup: [runsProjection, parkedProjection, budgetsProjection],
  search: [chunksProjection],
} as const

/** Reactors by name, with the types they act on; `start.ts` gives them their ports. */
export const reactors = {
  'work-tasks': { topic: 'runs.v1', on: ['task.submitted'], file: 'processors/kinds/task/work-tasks.reactor.ts' },
  'settle-calls': { topic: 'budgets.v1', on: [], file: 'processors/budgets/settle-calls.reactor.ts' },
  'export-runs': { topic: 'runs.v1', on: ['run.completed'], file: 'processors/runs/export-runs.reactor.ts' },
  'close-abandoned': { topic: 'runs.v1', on: [], file: 'processors/runs/close-abandoned.reactor.ts' },
} as const

export interface StorePorts {
  readonly openTables: (path: string, options: { schema?: readonly string[]; readOnly?: boolean }) => TableStore
  readonly openColumns: (path: string) => Promise<ColumnStore>
  readonly openFolders: (folder: string, as: { live: boolean }) => FolderStore
  readonly claimCheck: ClaimCheck
}

export interface Stores {
  readonly lookup: StoreDefinition<TableStore>
  readonly search: StoreDefinition<TableStore>
  readonly folders: StoreDefinition<FolderStore>
  readonly warehouse: StoreDefinition<WarehouseReads>
}

export type StoreName = keyof Stores
export const storeNames = ['lookup', 'search', 'folders', 'warehouse'] as const satisfies readonly StoreName[]

export function storesOf({ openTables, openColumns, openFolders, claimCheck }: StorePorts): Stores {
  return {
    lookup: tableStore(projections.lookup, {
      name: 'lookup',
      version: 2,
      topics: ['runs.v1', 'dead-letters.v1', 'budgets.v1'],
      open: openTables,
    }),
    search: tableStore(projections.search, {
      name: 'search',
      version: 1,
      topics: ['documents.v1'],
      open: openTables,
      claimCheck,
    }),
    folders: runFolders({ open: openFolders, claimCheck }),
    warehouse: warehouse(openColumns),
  }
}
