/**
 * What a folder store has committed: lengths of files, checkpoints and notes, in one SQLite file.
 *
 * Promise: a commit is one transaction, and the moment of it is the commit of the whole store. Replaced files are named
 * in `to_rename` within it, so that what a kill cut short is known to whoever opens the store next.
 */
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '#processors/ports/failure.ts'
import type { FolderStore } from '#processors/ports/folder-store.ts'

export interface FolderState {
  /** Committed length of a file; 0 for one nobody has committed. */
  sizeOf(path: string): number
  files(): Iterable<{ path: string; sizeBytes: number }>
  checkpoints(): ReturnType<FolderStore['checkpoints']>
  noted(key: string): string | undefined
  /** Files whose new content waits under another name. */
  toRename(): readonly string[]
  renamed(): void
  /** Errors: `store.stalled`. */
  commit(change: FolderChange): void
  close(): void
}

export interface FolderChange {
  readonly sizes: ReadonlyMap<string, number>
  readonly replaced: readonly string[]
  readonly notes: ReadonlyMap<string, string | undefined>
  readonly checkpoints: Parameters<FolderStore['commit']>[0]
}

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS to_rename (path TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS checkpoints (
    topic TEXT, partition INTEGER, next INTEGER NOT NULL, last_id TEXT NOT NULL, PRIMARY KEY (topic, partition)
  ) WITHOUT ROWID`

export function openFolderState(path: string): FolderState {
  const database = guarded(path, () => new DatabaseSync(path, { timeout: 5_000 }))
  try {
    guarded(path, () => database.exec(schema))
  } catch (error) {
    database.close()
    throw error
  }
  const size = database.prepare('SELECT size_bytes FROM files WHERE path = ?')
  const files = database.prepare('SELECT path, size_bytes AS sizeBytes FROM files ORDER BY path')
  const checkpoints = database.prepare('SELECT topic, partition, next, last_id AS lastId FROM checkpoints')
  const note = database.prepare('SELECT value FROM notes WHERE key = ?')
  const waiting = database.prepare('SELECT path FROM to_rename')
  const putSize = database.prepare('INSERT OR REPLACE INTO files VALUES (?, ?)')
  const putWaiting = database.prepare('INSERT INTO to_rename VALUES (?)')
  const putNote = database.prepare('INSERT OR REPLACE INTO notes VALUES (?, ?)')
  const dropNote = database.prepare('DELETE FROM notes WHERE key = ?')
  const putCheckpoint = database.prepare('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)')

  function put(change: FolderChange): void {
    for (const [file, sizeBytes] of change.sizes) putSize.run(file, sizeBytes)
    for (const file of change.replaced) putWaiting.run(file)
    for (const [key, value] of change.notes) {
      if (value === undefined) dropNote.run(key)
      else putNote.run(key, value)
    }
    for (const { topic, partition, next, lastId } of change.checkpoints)
      putCheckpoint.run(topic, partition, next, lastId)
  }

  return {
    sizeOf: (file) => Number(size.get(file)?.['size_bytes'] ?? 0),
    files: () => files.all() as unknown as { path: string; sizeBytes: number }[],
    checkpoints: () => checkpoints.all() as unknown as ReturnType<FolderStore['checkpoints']>,
    noted: (key) => note.get(key)?.['value'] as string | undefined,
    toRename: () => waiting.all().map((row) => String(row['path'])),
    renamed: () => guarded(path, () => database.exec('DELETE FROM to_rename')),
    commit: (change) =>
      guarded(path, () => {
        database.exec('BEGIN IMMEDIATE')
        try {
          put(change)
          database.exec('COMMIT')
        } catch (error) {
          // After a full disk SQLite has rolled back by itself.
          if (database.isTransaction) database.exec('ROLLBACK')
          throw error
        }
      }),
    close() {
      if (database.isOpen) database.close()
    },
  }
}

/** Primary result codes that speak of the disk or of another process, https://sqlite.org/rescode.html; and of damage. */
const stalling = [5, 8, 10, 13, 14]
const damaged = [11, 26]

function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
    if (damaged.includes(code)) {
      const remedy = 'Rebuild the store.'
      throw new Failure('store.rebuild-required', `${path} is damaged`, { remedy, cause: error })
    }
    if (!stalling.includes(code)) throw error
    const remedy = 'Check the disk and its permissions, and that nothing else writes there.'
    throw new Failure('store.stalled', `${path} cannot be written`, { remedy, cause: error })
  }
}
