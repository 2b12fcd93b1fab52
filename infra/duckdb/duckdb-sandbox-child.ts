/**
 * The process in which foreign SQL runs: one query at a time, told by its parent, who may kill it.
 *
 * Promise: the database is open to read, and DuckDB is locked down before the query: no other file, no network, no
 * extension, no setting, no room to spill on the disk; where the database lies is not told. Each query has a DuckDB of its own, because there are functions
 * that leave something behind for the next one (`FROM enable_logging()`). The process has no environment, and its life
 * ends with its parent's.
 */
import { setPriority } from 'node:os'
import { DuckDBInstance, type DuckDBConnection, type DuckDBResult, StatementType } from '@duckdb/node-api'
import * as duckdb from '@duckdb/node-api'
import type { SqlRows } from '#processors/ports/sql-sandbox.ts'
import { boundValues, plainValues } from './duckdb-values.ts'
import { toldOfMachine } from './told-of-machine.ts'

export interface SandboxTask {
  readonly database: string
  readonly settings: Record<string, string>
  readonly sql: string
  readonly values: readonly unknown[]
  readonly maxRows: number
  readonly maxBytes: number
}

export type SandboxReply = { readonly rows: SqlRows } | { readonly error: string }

async function answer(task: SandboxTask): Promise<SandboxReply> {
  let instance: DuckDBInstance | undefined
  let connection: DuckDBConnection | undefined
  try {
    instance = await DuckDBInstance.create(task.database, {
      ...task.settings,
      access_mode: 'READ_ONLY',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
    })
    connection = await instance.connect()
    await connection.run(`SET temp_directory = ''; SET enable_external_access = false; SET lock_configuration = true`)
    return { rows: await select(connection, task) }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return { error: said.replaceAll(task.database, 'the database') }
  } finally {
    connection?.closeSync()
    instance?.closeSync()
  }
}

async function select(connection: DuckDBConnection, task: SandboxTask): Promise<SqlRows> {
  const statements = await connection.extractStatements(task.sql).catch((error: unknown) => {
    // What DuckDB says of text without any statement is no message at all.
    if (String(error).includes('native callback')) throw new Error('there is no statement')
    throw error
  })
  if (statements.count !== 1) throw new Error(`one statement is expected, and there are ${statements.count}`)
  await refuseMachine(connection, task.sql)
  const prepared = await statements.prepare(0)
  if (prepared.statementType !== StatementType.SELECT) throw new Error('only a SELECT is answered')
  const bound = boundValues(duckdb, task.values)
  prepared.bind(bound.values, bound.types)
  return read(await prepared.stream(), task)
}

async function refuseMachine(connection: DuckDBConnection, sql: string): Promise<void> {
  const parsed = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR', [sql])
  const tree = JSON.parse(String(parsed.getRows()[0]?.[0])) as { error?: boolean; error_message?: string }
  if (tree.error === true) {
    const { error_message: message = '' } = tree
    throw new Error(message === '' || message.startsWith('Only SELECT') ? 'only a SELECT is answered' : message)
  }
  const told = toldOfMachine(tree)
  if (told !== undefined) throw new Error(`${told} is not answered here: it is of the machine, not of the warehouse`)
}

async function read(result: DuckDBResult, { maxRows, maxBytes }: SandboxTask): Promise<SqlRows> {
  const types = result.columnTypes()
  const columns = result.columnNames().map((name, index) => ({ name, type: String(types[index]) }))
  const rows: unknown[][] = []
  let bytes = 0
  for await (const chunk of result) {
    for (const row of chunk.convertRows(plainValues(duckdb))) {
      bytes += sizeOf(row)
      if (rows.length === maxRows || bytes > maxBytes) return { columns, rows, truncated: true }
      rows.push(row)
    }
  }
  return { columns, rows, truncated: false }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 16 + 2 * value.length
  if (value instanceof Uint8Array) return 16 + value.byteLength
  if (value === null || typeof value !== 'object' || value instanceof Date) return 8
  return Object.values(value).reduce((sum: number, part) => sum + sizeOf(part), 16)
}

setPriority(10)
// `process.exit` would wait for a query under way.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('message', (task) => void answer(task as SandboxTask).then((reply) => process.send?.(reply)))
