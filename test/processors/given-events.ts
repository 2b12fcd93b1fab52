/**
 * Drives projections without a log: given events, when they are folded, then these rows.
 */
import { openSqliteTableStore } from '#infra/sqlite/sqlite-table-store.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { TableStore } from '#processors/ports/table-store.ts'
import type { Projection } from '#processors/stores/projection.ts'
import { openTableProjections, schemaOf } from '#processors/stores/table-projections.ts'
import { catalog } from '#schemas/catalog.ts'
import type { AnyNewEvent } from '#schemas/event.ts'

export interface Given {
  /** Folds one more event, at the next second and offset; rejected ones with `accepted: false`. */
  given(event: AnyNewEvent, as?: { readonly accepted?: boolean }): Promise<AnyStoredEvent>
  rows(sql: string): Record<string, unknown>[]
  readonly tables: TableStore
}

/** Times are seconds of 2026-01-01, from 0 on, and so are the offsets; ids are `event-<offset>`. */
export function projected(projections: readonly Projection[]): Given {
  const tables = openSqliteTableStore({ path: ':memory:', schema: schemaOf(projections) })
  const store = openTableProjections(tables, projections)
  let next = 0
  return {
    tables,
    rows: (sql) => tables.all(sql).map((row) => ({ ...row })),
    async given(event, { accepted = true } = {}) {
      const stored = storedEvent(event, { offset: next, accepted })
      next += 1
      const { topic, partition } = stored.position
      await store.fold([stored], { topic, partition, next, lastId: stored.envelope.id })
      return stored
    },
  }
}

export function storedEvent(
  { type, subject, data, id }: AnyNewEvent,
  at: { readonly offset: number; readonly accepted: boolean },
): AnyStoredEvent {
  const { offset, accepted } = at
  const time = timeOf(offset)
  return {
    type,
    data,
    envelope: { id: id ?? `event-${offset}`, source: '/test', subject, time },
    position: { topic: catalog[type].topic, partition: 0, offset },
    accepted,
    record: { offset, key: subject, headers: {}, value: new Uint8Array() },
  } as AnyStoredEvent
}

export function timeOf(second: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
}
