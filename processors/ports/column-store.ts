/**
 * An analytical store: event tables filled by columns, SQL views over them, one checkpoint a transaction.
 *
 * Promise (`store.atomic`): `commit` makes the appended rows and the checkpoints visible together or not at all, also
 * after a kill. One process writes; that process also answers its queries, one after the other where the engine needs it.
 */
export interface ColumnStore {
  /** Creates what is missing; never alters what is there. */
  define(tables: readonly TableDefinition[], views: readonly ViewDefinition[]): Promise<void>
  /** Takes rows for one table into the open transaction. `columns[i][row]` follows the table's column order. */
  append(table: string, columns: readonly ColumnValues[], rows: number): Promise<void>
  commit(checkpoints: readonly StoredCheckpoint[]): Promise<void>
  /** Forgets what was appended since the last commit. */
  rollback(): Promise<void>
  checkpoints(): Promise<readonly StoredCheckpoint[]>
  /** Rows of a trusted query, as plain values: numbers, strings, booleans, null, bigint, Date. */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
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

export type ColumnKind = 'string' | 'int' | 'long' | 'double' | 'boolean' | 'timestamp' | 'json' | 'bytes'
export type ColumnValues = readonly (string | number | bigint | boolean | null | Uint8Array)[]

export interface TableDefinition {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly kind: ColumnKind; readonly nullable: boolean; readonly comment?: string }[]
}

export interface ViewDefinition {
  readonly name: string
  /** The SELECT behind the view. */
  readonly sql: string
}
