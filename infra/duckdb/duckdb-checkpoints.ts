/**
 * Checkpoints as rows of their own table: appended and not updated, since an update costs more than the rows it goes
 * with. The last one of a partition counts; the view `checkpoints` shows it, also in a snapshot.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { StoredCheckpoint, TableDefinition } from '#processors/ports/column-store.ts'
import { createTable } from './duckdb-columns.ts'

export const checkpointTable: TableDefinition = {
  name: 'checkpoint_log',
  columns: [
    { name: 'topic', kind: 'string', nullable: false },
    { name: 'partition', kind: 'int', nullable: false },
    { name: 'next', kind: 'long', nullable: false },
    { name: 'last_id', kind: 'string', nullable: false },
    { name: 'commit_number', kind: 'long', nullable: false },
  ],
}

/** Makes the table, clears away what no longer counts, and returns the number of the last commit. */
export async function prepareCheckpoints(connection: DuckDBConnection): Promise<number> {
  const there = await connection.runAndReadAll(
    `SELECT 1 FROM duckdb_tables() WHERE table_name = '${checkpointTable.name}'`,
  )
  if (there.getRows().length === 0)
    for (const statement of createTable(checkpointTable)) await connection.run(statement)
  await connection.run(`
    CREATE OR REPLACE VIEW checkpoints AS
      SELECT topic, partition, max_by(next, commit_number) AS next, max_by(last_id, commit_number) AS last_id
        FROM checkpoint_log GROUP BY topic, partition`)
  await clearCheckpoints(connection)
  const last = await connection.runAndReadAll('SELECT coalesce(max(commit_number), 0) FROM checkpoint_log')
  return Number(last.getRows()[0]?.[0])
}

export async function readCheckpoints(connection: DuckDBConnection): Promise<StoredCheckpoint[]> {
  const result = await connection.runAndReadAll(
    'SELECT topic, partition, next, last_id FROM checkpoints ORDER BY topic, partition',
  )
  return result.getRows().map(([topic, partition, next, lastId]) => ({
    topic: String(topic),
    partition: Number(partition),
    next: Number(next),
    lastId: String(lastId),
  }))
}

export function checkpointColumns(
  checkpoints: readonly StoredCheckpoint[],
  commitNumber: number,
): (string | number)[][] {
  return [
    checkpoints.map(({ topic }) => topic),
    checkpoints.map(({ partition }) => partition),
    checkpoints.map(({ next }) => next),
    checkpoints.map(({ lastId }) => lastId),
    checkpoints.map(() => commitNumber),
  ]
}

export async function clearCheckpoints(connection: DuckDBConnection): Promise<void> {
  await connection.run(`
    DELETE FROM checkpoint_log AS old WHERE EXISTS (
      FROM checkpoint_log AS later WHERE later.topic = old.topic AND later.partition = old.partition
       AND later.commit_number > old.commit_number)`)
}
