import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { ColumnStore } from '#processors/ports/column-store.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { OpenStore, StoreDefinition } from '#processors/stores/store.ts'
import { Poison } from '#processors/stores/store.ts'
import { eventTypes } from '#schemas/catalog.ts'
import type { EventType } from '#schemas/catalog.ts'
import { topicNames } from '#schemas/topics.ts'
import { tableOf } from '#schemas/wire/columns.ts'
import { eventColumns } from './event-columns.ts'
import { eventsView } from './events-view.ts'
import { viewFiles } from './view-files.ts'

/**
 * The warehouse: one table an event type, a view `events` over all, and the SQL views of `views/`.
 *
 * Promise: a new event type needs no code here. Rejected events are kept with `accepted = false`; every view but
 * `events` leaves them out.
 */
/** What queries may ask of the warehouse, from this thread or another. */
export type WarehouseReads = Pick<ColumnStore, 'query' | 'snapshot'>

export function warehouse(open: (path: string) => Promise<ColumnStore>): StoreDefinition<WarehouseReads> {
  return {
    name: 'warehouse',
    version: 2,
    topics: topicNames,
    wants: () => true,
    strangers: true,
    // Decoded records take 4 KB each: of 20,000 at a time a fold was no cheaper, and took 100 MB more.
    gather: { records: 5_000, ms: 200 },
    async open(folder) {
      const columns = await open(`${folder}/warehouse.duckdb`)
      await columns.define(eventTypes.map(tableOf), [eventsView(), ...viewFiles()])
      return openEventTables(columns)
    },
  }
}

function openEventTables(columns: ColumnStore): OpenStore<WarehouseReads> {
  let turn: Promise<unknown> = Promise.resolve()
  /** Partitions fold side by side, and a transaction belongs to one of them. */
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }
  return {
    reads: columns,
    checkpoints: () => columns.checkpoints(),
    fold: (events, checkpoint) =>
      inTurn(async () => {
        try {
          for (const [type, rows] of byType(events)) {
            await columns.append(tableOf(type).name, eventColumns(rows), rows.length).catch(async (error: unknown) => {
              if (!isFailure(error, 'event.undecodable')) throw error
              await columns.rollback()
              throw await poisonAmong(rows, columns, error)
            })
          }
          await columns.commit([checkpoint])
        } catch (error) {
          await columns.rollback()
          throw error
        }
      }),
    contentHash: () => inTurn(() => columns.contentHash()),
    close: () => inTurn(() => columns.close()),
  }
}

/** The event whose values no column can hold: the first that can't be appended by itself. */
async function poisonAmong(rows: readonly AnyStoredEvent[], columns: ColumnStore, error: unknown): Promise<unknown> {
  for (const row of rows) {
    try {
      await columns.append(tableOf(row.type).name, eventColumns([row]), 1)
    } catch (cause) {
      return isFailure(cause, 'event.undecodable') ? new Poison(row.position.offset, cause) : cause
    } finally {
      await columns.rollback()
    }
  }
  return error
}

function byType(events: Parameters<OpenStore['fold']>[0]): Map<EventType, AnyStoredEvent[]> {
  const grouped = new Map<EventType, AnyStoredEvent[]>()
  for (const event of events) {
    if ('bad' in event) throw new Poison(event.position.offset, event.bad)
    const rows = grouped.get(event.type)
    if (rows === undefined) grouped.set(event.type, [event])
    else rows.push(event)
  }
  return grouped
}
