/**
 * The SQLite file behind the embedded log: its format, and the few statements that touch it. All calls are synchronous.
 *
 * Promise: a file that is not ours is refused before a byte of it changes; one of a newer format is refused by name.
 * Each partition is a table of its own, so that an append is always at the right edge of a tree:
 *
 *     meta(name, value)               log_id, partitions (of topics that may have many)
 *     partitions(topic, partition, first)    first: the offset of the first record kept
 *     "<topic>/<partition>"(base, count, bytes)    one frame a row: its first offset, its records, packed (frame.ts)
 */
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Failure } from '#processors/ports/failure.ts'
import { type Topic, partitionsOf, topicNames } from '#schemas/topics.ts'
import type { PackedFrame } from './frame.ts'
import { damaged, logFailure } from './sqlite-error.ts'

/** "LATT", in the header of the file (`PRAGMA application_id`). */
const applicationId = 0x4c415454
/** `PRAGMA user_version`. Raise it with any change an older program would misread. */
const formatVersion = 1
/** Measured: 8 KiB scans frames half again as fast as 4 KiB; a single append still writes little. */
const pageBytes = 8 * 1024
const checkpointBytes = 16 * 1024 * 1024

export interface StoredFrame {
  readonly base: number
  readonly count: number
  readonly bytes: Uint8Array
}

export interface Bounds {
  readonly first: number
  readonly next: number
}

export class LogFile {
  readonly path: string
  readonly id: string
  readonly #database: DatabaseSync
  readonly #inode: bigint | undefined
  readonly #streams = new Map<string, Stream>()
  readonly #partitions = new Map<Topic, number>()
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #dataVersion: StatementSync

  /** `partitions` counts only when the file is new; then it stays. */
  constructor(path: string, options: { readonly partitions: number; readonly synced: boolean }) {
    this.path = path
    this.#database = opened(path)
    try {
      checkFormat(this.#database, path)
      this.#database.exec(`
        PRAGMA page_size = ${pageBytes};
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${options.synced ? 'FULL' : 'OFF'};
        PRAGMA wal_autocheckpoint = ${checkpointBytes / pageBytes};
        PRAGMA journal_size_limit = ${checkpointBytes * 4};
        PRAGMA cache_size = -8000;`)
      this.id = createWhatIsMissing(this.#database, options.partitions)
      for (const topic of topicNames) {
        const rows = this.#database
          .prepare('SELECT partition FROM partitions WHERE topic = ? ORDER BY partition')
          .all(topic)
        this.#partitions.set(topic, rows.length)
        for (const { partition } of rows)
          this.#streams.set(`${topic}/${String(partition)}`, streamOf(this.#database, topic, Number(partition)))
      }
      // From here on a lock of another process is answered at once, so that waiting for it can leave the thread free.
      this.#database.exec('PRAGMA busy_timeout = 0')
      this.#begin = this.#database.prepare('BEGIN IMMEDIATE')
      this.#commit = this.#database.prepare('COMMIT')
      this.#dataVersion = this.#database.prepare('PRAGMA data_version')
      this.#inode = inodeOf(path)
    } catch (error) {
      this.#database.close()
      throw logFailure(error, path)
    }
  }

  partitions(topic: Topic): number {
    return this.#partitions.get(topic) ?? 0
  }

  /** Runs `work` in one write transaction, synced when it returns. Errors are SQLite's own; nothing is written then. */
  transaction<T>(work: () => T): T {
    this.#begin.run()
    let committing = false
    try {
      if (!this.isInPlace()) throw replaced(this.path)
      const result = work()
      committing = true
      this.#commit.run()
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw committing ? new CommitError(error) : error
    }
  }

  /** Inside a transaction: puts frames at the end and gives the offset of their first record. */
  append(topic: string, partition: number, frames: readonly PackedFrame[]): number {
    const stream = this.#stream(topic, partition)
    const next = nextOf(stream)
    for (const frame of frames) stream.insert.run(next + frame.first, frame.count, frame.bytes)
    return next
  }

  bounds(topic: string, partition: number): Bounds {
    return boundsOf(this.#stream(topic, partition))
  }

  /** Frames from the one that holds `from` on, until they hold about so many records or bytes; none at the end. */
  frames(topic: string, partition: number, from: number, atLeast: { records: number; bytes: number }): StoredFrame[] {
    const frames: StoredFrame[] = []
    let bytes = 0
    for (const row of this.#stream(topic, partition).from.iterate(from) as unknown as Iterable<StoredFrame>) {
      if (row.base + row.count <= from) continue
      frames.push(row)
      bytes += row.bytes.length
      if (row.base + row.count - from >= atLeast.records || bytes >= atLeast.bytes) break
    }
    return frames
  }

  /** Inside a transaction: gives up the records before an offset. */
  trim(topic: string, partition: number, before: number): void {
    const stream = this.#stream(topic, partition)
    const { first, next } = boundsOf(stream)
    if (before <= first) return
    stream.setFirst.run(Math.min(before, next), topic, partition)
    stream.drop.run(Math.min(before, next))
  }

  /** A number that changes when another process (or another open log) has committed. */
  dataVersion(): number {
    return Number(this.#dataVersion.get()?.['data_version'])
  }

  /** False when somebody deleted or replaced the file: appending to it would be lost. */
  isInPlace(): boolean {
    return inodeOf(this.path) === this.#inode
  }

  close(): void {
    this.#database.close()
  }

  #stream(topic: string, partition: number): Stream {
    const stream = this.#streams.get(`${topic}/${partition}`)
    if (stream === undefined)
      throw new Failure('position.invalid', `there is no partition ${topic}:${partition} in this log`)
    return stream
  }
}

/** COMMIT itself failed: unlike any error before it, it may have left the records behind. */
export class CommitError extends Error {
  override readonly name = 'CommitError'

  constructor(cause: unknown) {
    super('the commit failed', { cause })
  }
}

export function replaced(path: string): Failure {
  return new Failure('log.diverged', `${path} was deleted or replaced while it was open`, {
    remedy: 'Restart the process, so that it opens the file that stands there now.',
  })
}

interface Stream {
  readonly insert: StatementSync
  readonly last: StatementSync
  readonly first: StatementSync
  readonly from: StatementSync
  readonly setFirst: StatementSync
  readonly drop: StatementSync
}

function streamOf(database: DatabaseSync, topic: Topic, partition: number): Stream {
  const table = tableOf(topic, partition)
  return {
    insert: database.prepare(`INSERT INTO ${table} (base, count, bytes) VALUES (?, ?, ?)`),
    last: database.prepare(`SELECT base + count AS next FROM ${table} ORDER BY base DESC LIMIT 1`),
    first: database.prepare(`SELECT first FROM partitions WHERE topic = '${topic}' AND partition = ${partition}`),
    from: database.prepare(
      `SELECT base, count, bytes FROM ${table}
        WHERE base >= coalesce((SELECT max(base) FROM ${table} WHERE base <= ?1), 0) ORDER BY base`,
    ),
    setFirst: database.prepare('UPDATE partitions SET first = ? WHERE topic = ? AND partition = ?'),
    drop: database.prepare(`DELETE FROM ${table} WHERE base + count <= ?`),
  }
}

function boundsOf(stream: Stream): Bounds {
  const first = firstOf(stream)
  return { first, next: Number(stream.last.get()?.['next'] ?? first) }
}

function nextOf(stream: Stream): number {
  return Number(stream.last.get()?.['next'] ?? firstOf(stream))
}

function firstOf(stream: Stream): number {
  return Number(stream.first.get()?.['first'])
}

function tableOf(topic: Topic, partition: number): string {
  return `"${topic}/${partition}"`
}

function opened(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 10_000 })
  } catch (error) {
    throw logFailure(error, path)
  }
}

/** Reads only. A new, empty file passes. */
function checkFormat(database: DatabaseSync, path: string): void {
  const pragma = (name: string): number => Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
  const application = pragma('application_id')
  if (application === applicationId) {
    const version = pragma('user_version')
    if (version <= formatVersion) return
    throw new Failure(
      'log.newer',
      `${path} was written by a newer version (format ${version}, this one knows ${formatVersion})`,
      {
        remedy: 'Install the newer version of Lattice.',
      },
    )
  }
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
  if (application !== 0 || !isEmpty) throw damaged(path, `application_id ${application}`)
}

/** Gives the log's id. Writes nothing where nothing is missing, so that a log on a full disk can still be read. */
function createWhatIsMissing(database: DatabaseSync, partitions: number): string {
  if (isComplete(database)) return valueOf(database, 'log_id')
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec(`
      PRAGMA application_id = ${applicationId};
      PRAGMA user_version = ${formatVersion};
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS partitions (topic TEXT, partition INTEGER, first INTEGER NOT NULL, PRIMARY KEY (topic, partition)) STRICT;`)
    const once = database.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?)')
    once.run('log_id', randomUUID())
    once.run('partitions', String(partitions))
    const many = Number(valueOf(database, 'partitions'))
    for (const topic of topicNames) {
      const known = database.prepare('SELECT 1 FROM partitions WHERE topic = ?').get(topic)
      for (let partition = 0; known === undefined && partition < partitionsOf(topic, many); partition += 1) {
        database.exec(
          `CREATE TABLE ${tableOf(topic, partition)} (base INTEGER PRIMARY KEY, count INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`,
        )
        database.prepare('INSERT INTO partitions VALUES (?, ?, 0)').run(topic, partition)
      }
    }
    database.exec('COMMIT')
    return valueOf(database, 'log_id')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function isComplete(database: DatabaseSync): boolean {
  if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'partitions'").get() === undefined) return false
  const known = new Set(
    database
      .prepare('SELECT DISTINCT topic FROM partitions')
      .all()
      .map((row) => row['topic']),
  )
  return topicNames.every((topic) => known.has(topic))
}

function valueOf(database: DatabaseSync, name: string): string {
  return String(database.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value'])
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino
}
