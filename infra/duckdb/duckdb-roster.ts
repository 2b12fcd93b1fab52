/**
 * A roster in a Parquet or CSV file, looked up in a DuckDB of its own in memory.
 *
 * Promise: rows are of the file as it stood when it was read; a file that has changed since (time, size or identity) is
 * read again before the question is answered, by one reading for all who ask. A file that can't be read is
 * `roster.unavailable`, also where it could be read before. Memory is bounded by DuckDB's limit, not by the file: a
 * roster that doesn't fit is refused. Once the rows are in, no file and no network can be reached.
 */
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { Failure } from '#processors/ports/failure.ts'
import type { Roster, RosterMatch, RosterQuestion, Worker } from '#processors/ports/roster.ts'
import { type DuckdbDatabase, inMemory, openDuckdbDatabase } from './duckdb-database.ts'
import { listOf } from './roster-list.ts'
import { rosterColumns, type RosterColumn } from './roster-columns.ts'

export interface DuckdbRosterOptions {
  readonly path: string
  /** What the rows may take. Default 1GB: a million workers take about 0.4 GB of the process. */
  readonly memoryLimit?: string
}

interface Loaded {
  readonly version: string
  readonly database: DuckdbDatabase
  /** Questions under way; a database is closed behind the last one. */
  users: number
  replaced: boolean
}

export function openDuckdbRoster({ path, memoryLimit = '1GB' }: DuckdbRosterOptions): Roster {
  let current: Loaded | undefined
  let loading: { readonly version: string; readonly done: Promise<Loaded> } | undefined

  async function upToDate(): Promise<Loaded> {
    for (;;) {
      const version = await versionOf(path)
      if (current?.version === version) return current
      if (loading?.version !== version) {
        await loading?.done.catch(() => {})
        loading ??= begin(version)
      }
      await loading.done
    }
  }

  function begin(version: string): { version: string; done: Promise<Loaded> } {
    const done = load(path, { version, memoryLimit })
      .then((loaded) => {
        retire(current)
        return (current = loaded)
      })
      .finally(() => (loading = undefined))
    return { version, done }
  }

  async function use<Result>(work: (database: DuckdbDatabase) => Promise<Result>): Promise<Result> {
    const loaded = await upToDate()
    loaded.users++
    try {
      return await work(loaded.database)
    } finally {
      loaded.users--
      closeUnused(loaded)
    }
  }

  return {
    find: (question) => use((database) => ask(database, question)),
    matching: (wanted) => use((database) => match(database, wanted)),
    async close() {
      await loading?.done.catch(() => {})
      retire(current)
      current = undefined
    },
  }
}

function retire(loaded: Loaded | undefined): void {
  if (loaded === undefined) return
  loaded.replaced = true
  closeUnused(loaded)
}

function closeUnused({ replaced, users, database }: Loaded): void {
  if (replaced && users === 0) database.close()
}

/** What changes when the file does. */
async function versionOf(path: string): Promise<string> {
  try {
    const found = await stat(path, { bigint: true })
    // A pipe would be waited for without end.
    if (!found.isFile()) throw unavailable(path, 'is not a file')
    return `${found.ino} ${found.size} ${found.mtimeNs}`
  } catch (error) {
    if (error instanceof Failure) throw error
    throw unavailable(path, `can't be read (${(error as NodeJS.ErrnoException).code})`, error)
  }
}

async function load(path: string, options: { version: string; memoryLimit: string }): Promise<Loaded> {
  const reader = readers[extname(path).toLowerCase()]
  if (reader === undefined) throw unavailable(path, 'is neither .parquet nor .csv')
  // DuckDB would take it for a pattern of many files.
  if (/[*?[\]{}]/.test(path)) throw unavailable(path, 'has a name with one of * ? [ ] { }')
  const database = await openDuckdbDatabase(inMemory, {
    memory_limit: options.memoryLimit,
    threads: '2',
    allow_community_extensions: 'false',
  })
  try {
    const { writer } = database
    await writer.run(`SET temp_directory = ''`)
    const columns = rosterColumns(await columnsOf(writer, reader, path))
    await writer.run(tableOf(columns, reader), [path])
    await writer.run(`SET enable_external_access = false; SET lock_configuration = true`)
    return { version: options.version, database, users: 0, replaced: false }
  } catch (error) {
    database.close()
    if (error instanceof Failure) throw error
    throw unavailable(
      path,
      (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 300),
      error,
    )
  }
}

/** Only what separates the columns is found out: a guess at the rest leaves rows out, or reads them in another way. */
const readCsv = `read_csv($1, header = true, all_varchar = true, skip = 0, comment = '', quote = '"', escape = '"')`
const readers: Readonly<Record<string, string>> = {
  '.parquet': 'read_parquet($1)',
  '.csv': readCsv,
  '.tsv': readCsv,
}

async function columnsOf(connection: DuckDBConnection, reader: string, path: string): Promise<string[]> {
  const rows = await connection.runAndReadAll(`SELECT * FROM ${reader} LIMIT 0`, [path])
  return rows.columnNames()
}

/** Names and addresses also as they are compared. */
function tableOf(columns: Readonly<Record<RosterColumn, readonly string[]>>, reader: string): string {
  const text = (column: RosterColumn): string => {
    const parts = columns[column].map((name) => `trim(CAST("${name.replaceAll('"', '""')}" AS VARCHAR))`)
    return parts.length === 0 ? `''` : `coalesce(concat_ws(' ', ${parts.join(', ')}), '')`
  }
  const list = (column: RosterColumn): string => {
    const [name] = columns[column]
    return name === undefined ? `''` : `coalesce(CAST(to_json("${name.replaceAll('"', '""')}") AS VARCHAR), '')`
  }
  const all = Object.keys(columns) as RosterColumn[]
  return `CREATE TABLE roster AS
    SELECT *, ${foldedSql('name')} AS name_folded, ${foldedSql('email')} AS email_folded
    FROM (SELECT ${all.map((column) => `${column === 'blocked' ? list(column) : text(column)} AS "${column}"`).join(', ')}
      FROM ${reader})
    WHERE id <> ''`
}

function foldedSql(expression: string): string {
  const normal = `nfc_normalize(${expression})`
  // The regular expression is ten times the rest of it, and few names need it.
  return `lower(CASE WHEN regexp_matches(${expression}, '\\s\\s|[\\t\\n\\r]')
    THEN trim(regexp_replace(${normal}, '\\s+', ' ', 'g')) ELSE trim(${normal}) END)`
}

/** What is asked by, and the column it is found in. */
const keys = [
  { of: 'ids', column: 'id', given: 'one' },
  { of: 'names', column: 'name_folded', given: foldedSql('one') },
  { of: 'emails', column: 'email_folded', given: foldedSql('one') },
] as const

async function ask({ connect }: DuckdbDatabase, question: RosterQuestion): Promise<Worker[]> {
  const asked = keys.flatMap((key) => {
    const list = new Set(question[key.of]?.map((one) => one.trim()).filter((one) => one !== ''))
    return list.size === 0 ? [] : [{ ...key, values: JSON.stringify([...list]) }]
  })
  if (asked.length === 0) return []
  // One semi join a column: a single OR of all would look at every row in three ways.
  const found = asked.map(
    ({ column, given }, index) => `SELECT rowid AS place FROM roster SEMI JOIN
      (SELECT ${given} AS wanted FROM (SELECT unnest(CAST($${index + 1} AS JSON)->>'$[*]') AS one)) ON ${column} = wanted`,
  )
  return rowsOf(
    connect,
    `SEMI JOIN (${found.join(' UNION ALL ')}) ON roster.rowid = place ORDER BY roster.rowid LIMIT 100000`,
    asked.map(({ values }) => values),
  )
}

async function match({ connect }: DuckdbDatabase, { most, ...wanted }: RosterMatch): Promise<Worker[]> {
  const given = Object.entries(wanted)
  const fits = given.map(([column], index) => `${foldedSql(`"${column}"`)} = ${foldedSql(`$${index + 1}`)}`)
  const where = fits.length === 0 ? '' : `WHERE ${fits.join(' AND ')}`
  return rowsOf(
    connect,
    `${where} ORDER BY roster.rowid LIMIT ${most}`,
    given.map(([, value]) => value),
  )
}

async function rowsOf(connect: DuckdbDatabase['connect'], which: string, values: readonly string[]): Promise<Worker[]> {
  const connection = await connect()
  try {
    const columns = 'id, name, city, state, role, status, email, phone, blocked'
    const rows = await connection.runAndReadAll(`SELECT ${columns} FROM roster ${which}`, [...values])
    return (rows.getRows() as string[][]).map(workerOf)
  } finally {
    connection.closeSync()
  }
}

function workerOf(row: readonly string[]): Worker {
  const [id, name, city, state, role, status, email, phone, blocked] = row as [
    ...[string, string, string, string, string],
    ...[string, string, string, string],
  ]
  return { id, name, city, state, role, status, email, phone, blockedClients: listOf(blocked) }
}

function unavailable(path: string, why: string, cause?: unknown): Failure {
  return new Failure('roster.unavailable', `the roster ${path} ${why}`, {
    remedy: 'LATTICE_ROSTER is a Parquet or CSV file with the columns id and name.',
    cause,
  })
}
