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
    const database = lockedAt(path)
    if (database === undefined) return undefined
    held.add(database)
    return {
      release: () => {
        if (held.delete(database)) database.close()
      },
    }
  }

  function isHeld(name: string): boolean {
    const path = pathOf(name)
    try {
      return existsSync(path) && isLocked(path)
    } catch (error) {
      // It may have been removed meanwhile, which only its holder does.
      if (existsSync(path)) throw error
      return false
    }
  }

  return { tryAcquire, isHeld }
}

function isLocked(path: string): boolean {
  const database = opened(path, { readOnly: true, timeout: 0 })
  const isFree = succeeds(database, 'SELECT 1 FROM sqlite_schema', path)
  database.close()
  return !isFree
}

/** An exclusive transaction on the file that stands at the path; undefined when somebody else has it. */
function lockedAt(path: string): DatabaseSync | undefined {
  for (;;) {
    const database = opened(path, { timeout: passingReaderMs })
    try {
      const isOurs = succeeds(database, 'BEGIN EXCLUSIVE', path)
      // Whoever removes what a killed process left may have removed this one before it was locked.
      if (isOurs && existsSync(path)) return database
      database.close()
      if (existsSync(path)) return undefined
    } catch (error) {
      if (existsSync(path)) throw error
    }
  }
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
