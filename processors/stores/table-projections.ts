import type { Decoded } from '#processors/journal/read.ts'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { TableStore, Tables } from '#processors/ports/table-store.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { Projection } from './projection.ts'
import { Poison } from './store.ts'
import type { OpenStore } from './store.ts'

/**
 * A store made of projections over one relational database.
 *
 * Promise: a batch and its checkpoint are one transaction; only accepted events reach a handler.
 */
export const checkpointTable = `CREATE TABLE IF NOT EXISTS checkpoints (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, last_id TEXT NOT NULL,
  PRIMARY KEY (topic, partition)) WITHOUT ROWID`

export function schemaOf(projections: readonly Projection[]): string[] {
  return [checkpointTable, ...projections.flatMap((projection) => projection.tables)]
}

export function wantsOf(projections: readonly Projection[]): (type: EventType) => boolean {
  const types = new Set(projections.flatMap((projection) => Object.keys(projection.on)))
  return (type) => types.has(type)
}

export function openTableProjections(tables: TableStore, projections: readonly Projection[]): OpenStore<TableStore> {
  const handlers = handlersByType(projections)

  function apply(events: readonly Decoded[]): void {
    for (const event of events) {
      if ('bad' in event) throw new Poison(event.position.offset, event.bad)
      if (!event.accepted) continue
      for (const handle of handlers.get(event.type) ?? []) {
        try {
          handle(event as never, tables)
        } catch (error) {
          if (error instanceof Failure) throw error
          throw new Poison(event.position.offset, error)
        }
      }
    }
  }

  return {
    reads: tables,
    async checkpoints() {
      return readCheckpoints(tables)
    },
    async fold(events, at) {
      tables.transaction(() => {
        apply(events)
        tables.run('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)', at.topic, at.partition, at.next, at.lastId)
      })
    },
    async contentHash() {
      const { hash, rows } = await tables.contentHashAside(contentTables(tables), checkpointsQuery)
      return { hash, checkpoints: rows as StoredCheckpoint[] }
    },
    async close() {
      tables.close()
    },
  }
}

export function readCheckpoints(tables: Tables): StoredCheckpoint[] {
  return tables.all(checkpointsQuery)
}

const checkpointsQuery = 'SELECT topic, partition, next, last_id AS lastId FROM checkpoints ORDER BY topic, partition'

/** Two builds of one log may stand at different batch ends, so checkpoints are compared apart. */
function contentTables(tables: Tables): string[] {
  return tables
    .all<{
      name: string
    }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      AND name <> 'checkpoints' AND name NOT LIKE '%\\_fts%' ESCAPE '\\'`)
    .map((row) => row.name)
}

type Handle = (event: never, tables: Tables) => void

function handlersByType(projections: readonly Projection[]): Map<string, Handle[]> {
  const handlers = new Map<string, Handle[]>()
  for (const projection of projections) {
    for (const [type, handle] of Object.entries(projection.on)) {
      handlers.set(type, [...(handlers.get(type) ?? []), handle])
    }
  }
  return handlers
}
