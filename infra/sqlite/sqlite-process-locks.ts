/**
 * Locks among the processes of one machine: an exclusive transaction of SQLite on an empty file each.
 *
 * Promise: at most one holder a name, in all processes and within one. The operating system frees it when the process
 * ends, however it ends; a process that is only stopped keeps it. Files stay and are used again; who holds a lock may
 * remove its file.
 *
 * Nothing else in the process may open these files: closing a file drops every lock the process has on it (POSIX).
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '#processors/ports/failure.ts'
import type { ProcessLocks } from '#processors/ports/process-locks.ts'
import { sqliteFailure } from './sqlite-failure.ts'

/** `isHeld` reads for microseconds, and one who acquires must not take that for a holder. */
const passingReaderMs = 5

/** Referred to from here, so that no lock is freed because the one who took it was forgotten and collected. */
const held = new Set<DatabaseSync>()

export function openSqliteProcessLocks(folder: string): ProcessLocks {
  const root = resolve(folder)
  const pathOf = (name: string): string => join(root, `${encodeURIComponent(name)}.lock`)

  function tryAcquire(name: string): { release(): void } | undefined {
    mkdirSync(root, { recursive: true })
    const path = pathOf(name)
    let database: DatabaseSync
    do {
      database = opened(path, { timeout: passingReaderMs })
      if (!succeeds(database, 'BEGIN EXCLUSIVE', path)) {
        database.close()
        return undefined
      }
      // Whoever removes what a killed process left may have taken it for such before it was locked.
      if (!existsSync(path)) database.close()
    } while (!database.isOpen)
    held.add(database)
    return {
      release: () => {
        if (held.delete(database)) database.close()
      },
    }
  }

  function isHeld(name: string): boolean {
    const path = pathOf(name)
    if (!existsSync(path)) return false
    const database = opened(path, { readOnly: true, timeout: 0 })
    try {
      return !succeeds(database, 'SELECT 1 FROM sqlite_schema', path)
    } finally {
      database.close()
    }
  }

  return { tryAcquire, isHeld }
}

function opened(path: string, options: { readOnly?: boolean; timeout: number }): DatabaseSync {
  try {
    return new DatabaseSync(path, options)
  } catch (error) {
    throw sqliteFailure(error, path)
  }
}

/** False when somebody holds it. */
function succeeds(database: DatabaseSync, sql: string, path: string): boolean {
  try {
    database.exec(sql)
    return true
  } catch (error) {
    const failure = sqliteFailure(error, path)
    if (failure instanceof Failure && failure.code === 'store.locked') return false
    database.close()
    throw failure
  }
}
