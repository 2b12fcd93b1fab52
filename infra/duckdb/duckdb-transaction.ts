/**
 * Appends to one DuckDB connection and commits them with their checkpoints.
 *
 * Promise (`store.atomic`): nothing of a transaction is there before its commit. After an error nothing is taken until
 * `rollback`, so that a part of what was meant to be together is never committed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DuckDBAppender, DuckDBDataChunk } from '@duckdb/node-api'
import { Failure } from '#processors/ports/failure.ts'
import type { ColumnValues, StoredCheckpoint, TableDefinition } from '#processors/ports/column-store.ts'
import { checkpointColumns, checkpointTable, clearCheckpoints } from './duckdb-checkpoints.ts'
import { chunkTypes, fillChunk } from './duckdb-columns.ts'
import type { DuckdbDatabase } from './duckdb-database.ts'

export interface DuckdbTransaction {
  readonly isOpen: boolean
  append(table: TableDefinition, columns: readonly ColumnValues[], rows: number): Promise<void>
  commit(checkpoints: readonly StoredCheckpoint[]): Promise<void>
  rollback(): Promise<void>
}

/** Rows of a data chunk, as DuckDB has it compiled in. */
const chunkRows = 2_048
/** So many commits leave their checkpoints behind before the old ones are cleared away. */
const clearEvery = 5_000

export function createDuckdbTransaction(database: DuckdbDatabase, lastCommit: number): DuckdbTransaction {
  const { duckdb, writer } = database
  const targets = new Map<string, { appender: DuckDBAppender; chunk: DuckDBDataChunk }>()
  let commitNumber = lastCommit
  let state: 'idle' | 'open' | 'failed' = 'idle'

  async function begin(): Promise<void> {
    if (state === 'failed') throw new Failure('internal', 'after an error a transaction has to be rolled back')
    if (state === 'open') return
    await writer.run('BEGIN')
    state = 'open'
  }

  async function targetOf(table: TableDefinition): Promise<{ appender: DuckDBAppender; chunk: DuckDBDataChunk }> {
    const known = targets.get(table.name)
    if (known !== undefined) return known
    const appender = await writer.createAppender(table.name)
    const made = { appender, chunk: duckdb.DuckDBDataChunk.create(chunkTypes(duckdb, table)) }
    targets.set(table.name, made)
    return made
  }

  async function take(table: TableDefinition, columns: readonly ColumnValues[], rows: number): Promise<void> {
    const { appender, chunk } = await targetOf(table)
    for (let from = 0; from < rows; from += chunkRows) {
      // Others get their turn between chunks, each of which takes about 20 ms.
      if (from > 0) await nextTurn()
      fillChunk(duckdb, chunk, { table, columns, from, rows: Math.min(chunkRows, rows - from) })
      appender.appendDataChunk(chunk)
    }
  }

  async function orFail<T>(work: () => Promise<T>): Promise<T> {
    await begin()
    try {
      return await work()
    } catch (error) {
      state = 'failed'
      throw error
    }
  }

  return {
    get isOpen() {
      return state !== 'idle'
    },
    append: (table, columns, rows) => orFail(() => take(table, columns, rows)),
    async commit(checkpoints) {
      await orFail(async () => {
        await take(checkpointTable, checkpointColumns(checkpoints, ++commitNumber), checkpoints.length)
        // What an appender still holds would not be committed.
        for (const { appender } of targets.values()) appender.flushSync()
        await writer.run('COMMIT')
      })
      state = 'idle'
      if (commitNumber % clearEvery === 0) await clearCheckpoints(writer)
    },
    async rollback() {
      if (state === 'idle') return
      // An appender that failed stays unusable, and one that did not would carry its rows into the next transaction.
      for (const { appender } of targets.values()) discard(appender)
      targets.clear()
      state = 'idle'
      await writer.run('ROLLBACK').catch((error: unknown) => {
        // A failed COMMIT has rolled back by itself.
        if (!String(error).includes('no transaction is active')) throw error
      })
    },
  }
}

function discard(appender: DuckDBAppender): void {
  try {
    appender.clear()
    appender.closeSync()
  } catch {
    // Unusable is all it should be.
  }
}
