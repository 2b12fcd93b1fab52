/**
 * SQL that somebody else wrote, over one database file nobody writes to any more (`ColumnStore.snapshot`).
 *
 * Promise: a query reads that file and nothing else: no other file, no network, no environment, no setting; it ends
 * within its time and memory whatever it does, because it runs where it can be killed.
 */
export interface SqlSandbox {
  /**
   * The rows of exactly one SELECT. Errors: `request.invalid` (not one SELECT, or an error of its own, in the engine's
   * words), `query.stopped` (time, memory), the signal's reason when aborted.
   */
  run(database: string, sql: string, options?: SqlOptions): Promise<SqlRows>
  /** Ends every query; the files may be deleted afterwards. */
  close(): Promise<void>
}

export interface SqlOptions {
  /** Values for `?` or `$1`, in order. */
  readonly values?: readonly (string | number | bigint | boolean | null)[]
  /** Default 10,000; more rows are cut off. */
  readonly maxRows?: number
  /** About how many bytes of values; default 32 MiB; more are cut off. */
  readonly maxBytes?: number
  /** Default 30,000. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface SqlRows {
  /** In order; a name may occur twice. `type` is the engine's word: VARCHAR, BIGINT, TIMESTAMP, … */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** Plain values as in `ColumnStore.query`; lists and structs as arrays and objects. */
  readonly rows: readonly (readonly unknown[])[]
  /** Whether rows were cut off. */
  readonly truncated: boolean
}
