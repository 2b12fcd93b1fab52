/**
 * The SQLite file behind the embedded work share, `work.sqlite`: who has taken what. All calls are synchronous.
 *
 * Promise: each method is one statement, made whole by the `transaction` around it. Not synced: what a power cut takes
 * back is delivered again. A file that belongs to another log is emptied. One that is as it should be is opened by
 * reading alone, so that a process stopped in the middle of a transaction keeps nobody from opening.
 *
 *     claims(grp, topic, partition, next)     next: the first offset nobody of the group has looked at
 *     taken(grp, topic, partition, offset, worker, times)     delivered and not finished; worker null: given back
 *     workers(id, slot, heard_ms, lease_ms)   slot: whose lock the worker's process holds; heard_ms: machine's clock
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Failure } from '#processors/ports/failure.ts'
import { damaged, isBusy, logFailure } from './sqlite-error.ts'

/** "LATW" */
const applicationId = 0x4c415457
const formatVersion = 1

/** A group on one partition of a topic. */
export interface Share {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

export interface Taken {
  readonly partition: number
  readonly offset: number
  readonly worker: number | null
  /** How often it was delivered. */
  readonly times: number
}

export interface Worker {
  readonly id: number
  readonly slot: number
  readonly heardMs: number
  readonly leaseMs: number
}

export class WorkFile {
  readonly path: string
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(path: string, logId: string) {
    this.path = path
    this.#database = new DatabaseSync(path, { timeout: 10_000 })
    try {
      checkFormat(this.#database, path)
      this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      if (!isMade(this.#database, logId)) make(this.#database, logId)
      this.#database.exec('PRAGMA busy_timeout = 0')
    } catch (error) {
      this.#database.close()
      throw logFailure(error, path)
    }
  }

  /** Runs `work` in one write transaction; undefined when another process is writing just now. */
  transaction<T>(work: () => T): { result: T } | undefined {
    try {
      this.#run('BEGIN IMMEDIATE')
      const result = work()
      this.#run('COMMIT')
      return { result }
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      if (isBusy(error)) return undefined
      throw logFailure(error, this.path)
    }
  }

  nextOf({ group, topic, partition }: Share): number | undefined {
    const row = this.#get(
      'SELECT next FROM claims WHERE grp = ? AND topic = ? AND partition = ?',
      group,
      topic,
      partition,
    )
    return row === undefined ? undefined : Number(row['next'])
  }

  /** Sets where a group goes on; with `instead`, only where it stood there before. */
  setNext({ group, topic, partition }: Share, next: number, instead?: number): void {
    if (instead === undefined) {
      const sql = 'INSERT OR IGNORE INTO claims (grp, topic, partition, next) VALUES (?, ?, ?, ?)'
      this.#run(sql, group, topic, partition, next)
    } else {
      const sql = 'UPDATE claims SET next = ? WHERE grp = ? AND topic = ? AND partition = ? AND next = ?'
      this.#run(sql, next, group, topic, partition, instead)
    }
  }

  /** One record more for a worker, delivered for the first time. */
  take({ group, topic, partition }: Share, offset: number, worker: number): void {
    const sql = 'INSERT OR IGNORE INTO taken (grp, topic, partition, offset, worker, times) VALUES (?, ?, ?, ?, ?, 1)'
    this.#run(sql, group, topic, partition, offset, worker)
  }

  /** Gives a record to another worker; false when its row is no longer as it was seen. */
  takeOver({ group, topic }: { group: string; topic: string }, seen: Taken, worker: number): boolean {
    const sql = `UPDATE taken SET worker = ?, times = times + 1
      WHERE grp = ? AND topic = ? AND partition = ? AND offset = ? AND worker IS ? AND times = ? RETURNING 1`
    const { partition, offset, worker: before, times } = seen
    return this.#statement(sql).get(worker, group, topic, partition, offset, before, times) !== undefined
  }

  /** Claimed and not delivered after all: anybody's. */
  giveBack({ group, topic, partition }: Share, offset: number): void {
    const sql = 'UPDATE taken SET worker = NULL WHERE grp = ? AND topic = ? AND partition = ? AND offset = ?'
    this.#run(sql, group, topic, partition, offset)
  }

  finish({ group, topic, partition }: Share, offset: number): void {
    this.#run(
      'DELETE FROM taken WHERE grp = ? AND topic = ? AND partition = ? AND offset = ?',
      group,
      topic,
      partition,
      offset,
    )
  }

  /** Everything a group has taken of a topic except by this worker, in order of offsets. */
  takenByOthers(group: string, topic: string, worker: number): Taken[] {
    const sql =
      'SELECT partition, offset, worker, times FROM taken WHERE grp = ? AND topic = ? AND worker IS NOT ? ORDER BY offset'
    return this.#statement(sql).all(group, topic, worker) as unknown as Taken[]
  }

  counts(group: string, topic: string): { taken: number; givenBack: number } {
    const sql = 'SELECT count(worker) AS taken, count(*) AS every FROM taken WHERE grp = ? AND topic = ?'
    const row = this.#get(sql, group, topic)
    return { taken: Number(row?.['taken']), givenBack: Number(row?.['every']) - Number(row?.['taken']) }
  }

  addWorker(slot: number, heardMs: number, leaseMs: number): number {
    const sql = 'INSERT INTO workers (slot, heard_ms, lease_ms) VALUES (?, ?, ?) RETURNING id'
    return Number(this.#get(sql, slot, heardMs, leaseMs)?.['id'])
  }

  heard(worker: number, heardMs: number): void {
    this.#run('UPDATE workers SET heard_ms = ? WHERE id = ?', heardMs, worker)
  }

  worker(id: number): Worker | undefined {
    return this.#get('SELECT id, slot, heard_ms AS heardMs, lease_ms AS leaseMs FROM workers WHERE id = ?', id) as
      | Worker
      | undefined
  }

  /** What a worker has not finished is anybody's. */
  removeWorker(id: number): void {
    this.#run('UPDATE taken SET worker = NULL WHERE worker = ?', id)
    this.#run('DELETE FROM workers WHERE id = ?', id)
  }

  workersOf(slot: number): number[] {
    return this.#statement('SELECT id FROM workers WHERE slot = ?')
      .all(slot)
      .map((row) => Number(row['id']))
  }

  close(): void {
    this.#database.close()
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#database.prepare(sql)))
    return statement
  }

  #get(sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...values)
  }

  #run(sql: string, ...values: (string | number)[]): void {
    this.#statement(sql).run(...values)
  }
}

/** Reads only. A new, empty file passes. */
function checkFormat(database: DatabaseSync, path: string): void {
  const pragma = (name: string): number => Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
  const application = pragma('application_id')
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
  if (application !== applicationId && !(application === 0 && isEmpty))
    throw damaged(path, `application_id ${application}`)
  if (pragma('user_version') > formatVersion) {
    throw new Failure('log.newer', `${path} was written by a newer version`, {
      remedy: 'Install the newer version of Lattice, or delete the file: unfinished work is then handed out again.',
    })
  }
}

/** Reads only. */
function isMade(database: DatabaseSync, logId: string): boolean {
  if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() === undefined) return false
  return (
    logIdIn(database) === logId &&
    Number(database.prepare('PRAGMA user_version').get()?.['user_version']) === formatVersion
  )
}

function logIdIn(database: DatabaseSync): unknown {
  return database.prepare("SELECT value FROM meta WHERE name = 'log_id'").get()?.['value']
}

/** In one transaction, so that a file with its log's id has all the rest. */
function make(database: DatabaseSync, logId: string): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec(`
      PRAGMA application_id = ${applicationId};
      PRAGMA user_version = ${formatVersion};
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS claims (grp TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL,
        PRIMARY KEY (grp, topic, partition)) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS taken (grp TEXT, topic TEXT, partition INTEGER, offset INTEGER, worker INTEGER, times INTEGER NOT NULL,
        PRIMARY KEY (grp, topic, partition, offset)) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS workers (id INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL, heard_ms REAL NOT NULL,
        lease_ms REAL NOT NULL) STRICT;`)
    if (logIdIn(database) !== logId) {
      database.exec('DELETE FROM claims; DELETE FROM taken; DELETE FROM workers')
      database.prepare("INSERT OR REPLACE INTO meta VALUES ('log_id', ?)").run(logId)
    }
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
