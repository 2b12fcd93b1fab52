import type { ViewDefinition } from '#processors/ports/column-store.ts'
import { eventTypes } from '#schemas/catalog.ts'
import { tableOf } from '#schemas/wire/columns.ts'

/** Every event of every type, accepted or not, with its envelope; the data stands in the type's own table. */
export function eventsView(): ViewDefinition {
  const envelope = 'id, type, topic, "partition", log_offset, "time", source, subject, run, seq, prev, accepted'
  const sql = eventTypes.map((type) => `SELECT ${envelope} FROM ${tableOf(type).name}`).join('\nUNION ALL\n')
  return { name: 'events', sql }
}
