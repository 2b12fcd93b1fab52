/**
 * A process that is stopped in the middle of a transaction: `node stopped-writer.ts <a SQLite file>`.
 *
 * Promise: it prints `holding` while it has the file's write lock, and is stopped (SIGSTOP) before it can let go of it.
 */
import { writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const database = new DatabaseSync(process.argv[2] ?? '')
database.exec('BEGIN IMMEDIATE')
writeSync(1, 'holding\n')
process.kill(process.pid, 'SIGSTOP')
database.exec('ROLLBACK')
