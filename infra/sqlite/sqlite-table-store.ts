/**
 * The table store on `node:sqlite`.
 *
 * Promise (`store.atomic`): a transaction is visible whole or not at all, also after a kill. In WAL mode with
 * `synchronous=NORMAL` a power cut may take back the last transactions, never a part of one; the fold then repeats them.
 * Readers in other processes open the same file read-only and are never blocked by the writer.
 *
 * Integers are read as numbers; one beyond 2^53 throws, so larger ones belong in text.
 */
import { existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Failure } from '#processors/ports/failure.ts'
import type { SqlValue, TableStore } from '#processors/ports/table-store.ts'
import { sqliteContentHash, sqliteContentHashInTurns } from './sqlite-content-hash.ts'
import { sqliteFailure } from './sqlite-failure.ts'

export interface SqliteTableStoreOptions {
  readonly path: string
  readonly readOnly?: boolean
  /** Statements run once at opening, in one transaction; each must do nothing when it was done before. */
  readonly schema?: readonly string[]
  /** How long a write waits for another process's transaction. Default 5,000 ms. */
  readonly busyTimeoutMs?: number
}

/** 16 MB: a checkpoint holds up whoever folds, and SQLite's own 1,000 came once a second while chats were folded. */
const checkpointPages = 4_000

/** More different statements than this are not kept: a query that writes its SQL anew each time must not grow for ever. */
const keptStatements = 256

export function openSqliteTableStore(options: SqliteTableStoreOptions): TableStore {
  const { path, readOnly = false, schema = [], busyTimeoutMs = 5_000 } = options
  const guard = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw sqliteFailure(error, path)
    }
  }
  if (readOnly && !existsSync(path)) throw new Failure('store.unknown', `there is no store at ${path}`)
  const database = guard(() => new DatabaseSync(path, { readOnly, timeout: busyTimeoutMs }))
  const free = new Map<string, StatementSync>()

  // A statement in use by an iteration is taken out, so that running the same SQL meanwhile cannot reset it.
  const take = (sql: string): StatementSync => {
    const kept = free.get(sql)
    if (kept === undefined) return database.prepare(sql)
    free.delete(sql)
    return kept
  }
  const giveBack = (sql: string, statement: StatementSync): void => {
    if (free.size >= keptStatements) free.delete(free.keys().next().value ?? '')
    free.set(sql, statement)
  }
  const using = <T>(sql: string, work: (statement: StatementSync) => T): T =>
    guard(() => {
      const statement = take(sql)
      const result = work(statement)
      giveBack(sql, statement)
      return result
    })
  const execute = (sql: string): void => void using(sql, (statement) => statement.run())

  function within<T>(begin: string, work: () => T): T {
    execute(begin)
    try {
      const result = work()
      if (result instanceof Promise) throw new Failure('internal', 'a transaction has to be synchronous')
      execute('COMMIT')
      return result
    } catch (error) {
      // After a full disk SQLite has rolled back by itself.
      if (database.isTransaction) execute('ROLLBACK')
      throw error
    }
  }

  const store: TableStore = {
    run: (sql, ...values) => using(sql, (statement) => Number(statement.run(...values).changes)),
    get: <Row>(sql: string, ...values: SqlValue[]) =>
      using(sql, (statement) => statement.get(...values) as Row | undefined),
    all: <Row>(sql: string, ...values: SqlValue[]) => using(sql, (statement) => statement.all(...values) as Row[]),
    *iterate<Row>(sql: string, ...values: SqlValue[]): Iterable<Row> {
      const statement = guard(() => take(sql))
      const rows = guard(() => statement.iterate(...values))
      try {
        for (;;) {
          const next = guard(() => rows.next())
          if (next.done === true) return
          yield next.value as Row
        }
      } finally {
        rows.return?.()
        giveBack(sql, statement)
      }
    },
    transaction: (work) => within('BEGIN IMMEDIATE', work),
    snapshot: (work) => (database.isTransaction ? work() : within('BEGIN', work)),
    contentHash: (tables) => guard(() => store.snapshot(() => sqliteContentHash(database, tables))),
    async contentHashAside(tables, beside) {
      if (path === ':memory:') return { hash: store.contentHash(tables), rows: store.all(beside) }
      // A connection of its own, so that its snapshot holds up nobody.
      const aside = guard(() => new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs }))
      try {
        aside.exec('BEGIN')
        const rows = aside.prepare(beside).all()
        return { hash: await sqliteContentHashInTurns(aside, tables), rows }
      } catch (error) {
        throw sqliteFailure(error, path)
      } finally {
        aside.close()
      }
    },
    close() {
      free.clear()
      if (database.isOpen) database.close()
    },
  }

  try {
    if (!readOnly) {
      guard(() =>
        database.exec(`
          PRAGMA journal_mode = WAL;
          PRAGMA synchronous = NORMAL;
          PRAGMA wal_autocheckpoint = ${checkpointPages};
          PRAGMA journal_size_limit = ${64 * 1024 * 1024};`),
      )
      if (schema.length > 0) store.transaction(() => schema.forEach(execute))
    }
    guard(() => database.exec('PRAGMA temp_store=MEMORY'))
  } catch (error) {
    database.close()
    throw error
  }
  return store
}
