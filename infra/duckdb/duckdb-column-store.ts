/**
 * The column store on DuckDB (`@duckdb/node-api`).
 *
 * Promise (`store.atomic`): rows and checkpoints of a commit are in one transaction, and an acknowledged commit survives
 * a kill. Statements of a connection run one after the other; reads have a connection of their own and see what is
 * committed. After a failure that leaves DuckDB unusable, such as a checkpoint on a full disk, the next call opens the
 * file again; a commit that had been made although it failed is recognised when it is repeated.
 */
import { Failure } from '#processors/ports/failure.ts'
import type { ColumnStore, StoredCheckpoint, TableDefinition } from '#processors/ports/column-store.ts'
import { checkpointTable, prepareCheckpoints, readCheckpoints } from './duckdb-checkpoints.ts'
import { text } from './duckdb-columns.ts'
import { duckdbContentHash } from './duckdb-content-hash.ts'
import { type DuckdbDatabase, openDuckdbDatabase } from './duckdb-database.ts'
import { defineTables, defineViews } from './duckdb-define.ts'
import { duckdbFailure, isInvalidated } from './duckdb-failure.ts'
import { copyDatabase } from './duckdb-snapshot.ts'
import { createDuckdbTransaction, type DuckdbTransaction } from './duckdb-transaction.ts'
import { boundValues, plainValues } from './duckdb-values.ts'
import { oneAtATime } from './one-at-a-time.ts'

export interface DuckdbColumnStoreOptions {
  /** A file, or `:memory:`. */
  readonly path: string
  /** What DuckDB's buffers may take; the process takes about 100 MB more. Default 128MB. */
  readonly memoryLimit?: string
  /** Default 2. */
  readonly threads?: number
  /** At which size the write-ahead log is worked into the file. Default 256MB: 1GB stalls for seconds, 16MB often. */
  readonly checkpointAt?: string
}

interface Opened {
  readonly database: DuckdbDatabase
  readonly transaction: DuckdbTransaction
}

export async function openDuckdbColumnStore(options: DuckdbColumnStoreOptions): Promise<ColumnStore> {
  const { path, memoryLimit = '128MB', threads = 2, checkpointAt = '256MB' } = options
  const [writing, reading] = [oneAtATime(), oneAtATime()]
  const tables = new Map<string, TableDefinition>()
  let opened: Promise<Opened> | undefined
  /** Whether a commit failed that may have been made all the same. */
  let doubtful = false
  let closed = false

  async function open(): Promise<Opened> {
    const settings = { memory_limit: memoryLimit, threads: String(threads), wal_autocheckpoint: checkpointAt }
    const database = await openDuckdbDatabase(path, settings)
    try {
      const lastCommit = await prepareCheckpoints(database.writer)
      return { database, transaction: createDuckdbTransaction(database, lastCommit) }
    } catch (error) {
      database.close()
      throw error
    }
  }

  async function using<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
    if (closed) throw new Failure('store.unknown', `${path} is closed`)
    const now = await (opened ??= open()).catch((error: unknown) => {
      opened = undefined
      throw duckdbFailure(error, path)
    })
    try {
      return await work(now)
    } catch (error) {
      if (isInvalidated(error)) void alone(() => letGo(now))
      throw duckdbFailure(error, path)
    }
  }

  /** When no statement runs, and before any that is asked for from now on. */
  const alone = (work: () => Promise<void>): Promise<void> => writing(() => reading(work))

  async function letGo(broken: Opened): Promise<void> {
    if ((await opened?.catch(() => undefined)) !== broken) return
    opened = undefined
    await broken.transaction.rollback().catch(() => undefined)
    broken.database.close()
  }

  const write = <T>(work: (opened: Opened) => Promise<T>): Promise<T> => writing(() => using(work))
  const read = <T>(work: (database: DuckdbDatabase) => Promise<T>): Promise<T> =>
    reading(() => using(({ database }) => work(database)))

  const store: ColumnStore = {
    define: (given, views) =>
      write(async ({ database: { writer }, transaction }) => {
        if (transaction.isOpen) throw new Failure('internal', 'tables cannot be defined within a transaction')
        await defineTables(writer, given)
        await defineViews(writer, views)
        for (const table of given) tables.set(table.name, table)
      }),

    append: (name, columns, rows) =>
      write(async ({ transaction }) => {
        const table = tables.get(name)
        if (table === undefined) throw new Failure('internal', `${path} has no table ${name}`)
        if (columns.length !== table.columns.length || columns.some((values) => values.length < rows)) {
          throw new Failure(
            'internal',
            `${name} has ${table.columns.length} columns, each of which needs ${rows} values`,
          )
        }
        await transaction.append(table, columns, rows)
      }),

    commit: (checkpoints) =>
      write(async ({ database, transaction }) => {
        if (doubtful && isReached(checkpoints, await readCheckpoints(database.writer))) await transaction.rollback()
        else {
          doubtful = true
          await transaction.commit(checkpoints)
        }
        doubtful = false
      }),

    rollback: () => write(({ transaction }) => transaction.rollback()),

    checkpoints: () => read(({ reader }) => readCheckpoints(reader)),

    query: (sql, values = []) =>
      read(async ({ duckdb, reader }) => {
        const bound = boundValues(duckdb, values)
        const result = await (values.length === 0 ? reader.run(sql) : reader.run(sql, bound.values, bound.types))
        return result.convertRowObjects(plainValues(duckdb))
      }),

    contentHash: (names) =>
      read(async ({ reader }) => {
        await reader.run('BEGIN')
        try {
          const checkpoints = await readCheckpoints(reader)
          const listed = await reader.runAndReadAll(listTables)
          const all = listed.getRows().map(([name]) => String(name))
          return { hash: await duckdbContentHash(reader, names ?? all), checkpoints }
        } finally {
          await reader.run('ROLLBACK')
        }
      }),

    snapshot: (to) =>
      write(async ({ database: { writer }, transaction }) => {
        // Files hold nothing that is not committed. With nothing open one file is all there is to copy.
        if (!transaction.isOpen) await writer.run('CHECKPOINT')
        const checkpoints = await store.checkpoints()
        await copyDatabase(path, to)
        return checkpoints
      }),

    async close() {
      if (closed) return
      closed = true
      const last = await opened?.catch(() => undefined)
      if (last === undefined) return
      const { database, transaction } = last
      const closing = alone(async () => {
        await transaction.rollback()
        // Closing would do this too, but hold up the whole process meanwhile.
        await database.writer.run('CHECKPOINT').catch(() => undefined)
        database.close()
      })
      // An interrupt counts only for what runs already, and a query may be just about to.
      const interrupting = setInterval(() => database.reader.interrupt(), interruptEveryMs)
      database.reader.interrupt()
      await closing.finally(() => clearInterval(interrupting))
    },
  }

  await write(async () => undefined)
  return store
}

function isReached(wanted: readonly StoredCheckpoint[], there: readonly StoredCheckpoint[]): boolean {
  return (
    wanted.length > 0 &&
    wanted.every((one) =>
      there.some((at) => at.topic === one.topic && at.partition === one.partition && at.next >= one.next),
    )
  )
}

const interruptEveryMs = 20

const listTables = `
  SELECT table_name FROM duckdb_tables()
   WHERE database_name = current_database() AND schema_name = 'main' AND table_name <> ${text(checkpointTable.name)}`
