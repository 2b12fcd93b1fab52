import type { AnyStoredEvent } from '#processors/journal/read.ts'
import { envelopeColumns, rowOf, tableOf } from '#schemas/wire/columns.ts'
import type { ColumnValue } from '#schemas/wire/columns.ts'

/** Events of one type as the columns of its table, in the table's order. */
export function eventColumns(events: readonly AnyStoredEvent[]): ColumnValue[][] {
  const first = events[0]
  if (first === undefined) return []
  const columns: ColumnValue[][] = tableOf(first.type).columns.map(() => [])
  for (const event of events) {
    const { envelope, position } = event
    const values: ColumnValue[] = [
      envelope.id,
      event.type,
      position.topic,
      position.partition,
      position.offset,
      envelope.time,
      envelope.source,
      envelope.subject,
      envelope.chain?.run ?? null,
      envelope.chain?.seq ?? null,
      envelope.chain?.prev ?? null,
      event.accepted,
    ]
    for (const [index, value] of values.entries()) columns[index]!.push(value)
    for (const [index, value] of rowOf(event.type, event.data).entries()) {
      columns[envelopeColumns.length + index]!.push(value)
    }
  }
  return columns
}
