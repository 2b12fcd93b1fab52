/**
 * A small relational store for one projection group: point reads and folds in one transaction with their checkpoint.
 *
 * Promise (`store.atomic`): what `transaction` did and the checkpoints it set are visible together or not at all, also
 * after a kill. Synchronous, single writer; readers in other processes open the same build read-only.
 */
export interface TableStore extends Tables {
  /** Runs `work` in one write transaction; rolled back when it throws. Errors: `store.stalled` on I/O errors (disk full). */
  transaction<T>(work: () => T): T
  /** One consistent snapshot for several reads. */
  snapshot<T>(work: () => T): T
  /**
   * Hash of the rows of `tables` (default: all), 32 hex digits; the same in any build that holds the same rows (R3).
   * Inside `snapshot` it is of the same moment as the checkpoints read there.
   */
  contentHash(tables?: readonly string[]): string
  /**
   * The same for a large store: the process answers others meanwhile, and writes go on. With it, of the same moment, the
   * rows of one query.
   */
  contentHashAside(tables: readonly string[], beside: string): Promise<{ hash: string; rows: unknown[] }>
  close(): void
}

export interface Tables {
  /** Runs one statement; returns the number of changed rows. Statements are prepared once and kept. */
  run(sql: string, ...values: SqlValue[]): number
  get<Row = Record<string, SqlValue>>(sql: string, ...values: SqlValue[]): Row | undefined
  all<Row = Record<string, SqlValue>>(sql: string, ...values: SqlValue[]): Row[]
  iterate<Row = Record<string, SqlValue>>(sql: string, ...values: SqlValue[]): Iterable<Row>
}

export type SqlValue = string | number | bigint | null | Uint8Array
