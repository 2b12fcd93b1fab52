/**
 * A copy of the embedded log for a backup, while other processes append to it.
 *
 * Promise: the copy is of one moment, whole and synced, and opens as the same log (same id). The thread stays free. A copy
 * that is damaged, because the log is, is refused: a backup that cannot be restored is worse than none.
 */
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync, backup } from 'node:sqlite'
import { Failure } from '#processors/ports/failure.ts'
import { damaged, logFailure } from './sqlite-error.ts'

/** Larger than any database: pages copied in several steps would begin anew with each append of another process. */
const everyPage = 2 ** 31 - 1

/** Copies the log of a folder to a file that does not exist yet. Errors: `log.unavailable`, `log.damaged`, `log.full`. */
export async function copyEmbeddedLog(folder: string, to: string): Promise<void> {
  const path = join(folder, 'log.sqlite')
  if (!existsSync(path)) throw new Failure('log.unavailable', `there is no log at ${path}`)
  try {
    const source = new DatabaseSync(path, { timeout: 10_000 })
    try {
      await backup(source, to, { rate: everyPage })
    } finally {
      source.close()
    }
    check(to, path)
    const file = await open(to, 'r+')
    await file.sync()
    await file.close()
  } catch (error) {
    throw logFailure(error, path)
  }
}

function check(copy: string, path: string): void {
  const database = new DatabaseSync(copy)
  try {
    // One file that stands by itself; opening it as a log makes it WAL again.
    database.exec('PRAGMA journal_mode = DELETE')
    const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (found !== 'ok') throw damaged(path, found)
  } finally {
    database.close()
  }
}
