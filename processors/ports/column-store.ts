import type { ColumnKind, ColumnValues, TableDefinition } from '#schemas/wire/columns.ts'

/**
 * An analytical store: event tables filled by columns, SQL views over them, one checkpoint a transaction.
 *
 * Promise (`store.atomic`): `commit` makes the appended rows and the checkpoints visible together or not at all, also
 * after a kill. One process writes; that process also answers its queries, one after the other where the engine needs it.
 */
export interface ColumnStore {
  /**
   * Creates the tables that are missing and never alters one that is there; a view is code, so it is replaced.
   * Errors: `store.rebuild-required` when a table that is there has other columns.
   */
  define(tables: readonly TableDefinition[], views: readonly ViewDefinition[]): Promise<void>
  /**
   * Takes rows for one table into the open transaction. `columns[i][row]` follows the table's column order.
   * Errors: `event.undecodable` for a value its column cannot hold. After any error `rollback` comes next.
   */
  append(table: string, columns: readonly ColumnValues[], rows: number): Promise<void>
  /**
   * Errors: `store.stalled` (disk full, …). After any error `rollback` comes next; then the same rows and checkpoints
   * may be given again, and are there once, also when the commit had been made although it failed.
   */
  commit(checkpoints: readonly StoredCheckpoint[]): Promise<void>
  /** Forgets what was appended since the last commit. */
  rollback(): Promise<void>
  checkpoints(): Promise<readonly StoredCheckpoint[]>
  /**
   * Rows of a trusted query over what is committed, as plain values: numbers, strings, booleans, null, Date, bytes.
   * A whole number is a `number` where that is exact, else a `bigint`.
   */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  /**
   * Hash of the rows of `tables` (default: all but the checkpoints), 32 hex digits, and the checkpoints of the same
   * moment; the same in any build that holds the same rows (R3).
   */
  contentHash(tables?: readonly string[]): Promise<{ hash: string; checkpoints: readonly StoredCheckpoint[] }>
  /**
   * Writes a new database file at `path` that stands by itself: tables, views and checkpoints as they are committed.
   * Queries go on meanwhile, appends wait. What is there when it fails or is killed is to be deleted.
   */
  snapshot(path: string): Promise<readonly StoredCheckpoint[]>
  /** Stops queries under way, finishes a commit under way, forgets what was not committed. */
  close(): Promise<void>
}

export interface StoredCheckpoint {
  readonly topic: string
  readonly partition: number
  /** Offset of the first record not folded yet. */
  readonly next: number
  /** `ce_id` of the last record folded; '' before any. */
  readonly lastId: string
}

/** A schema is a table: what a column is stands beside the schemas. */
export type { ColumnKind, ColumnValues, TableDefinition }

export interface ViewDefinition {
  readonly name: string
  /** The SELECT behind the view. */
  readonly sql: string
}
