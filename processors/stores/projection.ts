import type { StoredEvent } from '#processors/journal/read.ts'
import type { Tables } from '#processors/ports/table-store.ts'
import type { EventType } from '#schemas/catalog.ts'

/**
 * The vocabulary of a fold: events in, rows out.
 *
 * Promise (`store.deterministic`, R3): a handler reads and writes only rows of its event's key; it knows no time but
 * the event's, no chance and no network; a table has no autoincrement, rowid or sum of floats. So any interleaving of
 * partitions and any batch size gives the same rows.
 */
export interface Projection {
  readonly name: string
  /** `CREATE … IF NOT EXISTS` statements. */
  readonly tables: readonly string[]
  readonly on: Handlers
}

/** Called for accepted events only. */
export type Handlers = {
  readonly [Type in EventType]?: (event: StoredEvent<Type>, tables: Tables) => void
}
