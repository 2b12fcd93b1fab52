/**
 * What a chat can't do without on the embedded log: two transactions, each synced before the next step (R1: nothing is
 * called before `attempt.started` is on the disk, no answer leaves before it is).
 *
 * By `node:sqlite` alone, one pair after the other, with the log's page size, checkpoints and sync; milliseconds a pair.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { percentile } from '#scripts/bench/row.ts'

/** What a chat appends at a time, roughly. */
const bytesOfAppend = 3_000

export function twoSyncs(folder: string, pairs: number): { p50Ms: number; p99Ms: number } {
  const path = join(folder, 'two-syncs')
  mkdirSync(path, { recursive: true })
  const database = new DatabaseSync(join(path, 'raw.sqlite'))
  database.exec(`PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 2048; CREATE TABLE frames (base INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT`)
  const insert = database.prepare('INSERT INTO frames (bytes) VALUES (?)')
  const bytes = new Uint8Array(bytesOfAppend).fill(120)
  const took = Array.from({ length: pairs }, () => {
    const began = performance.now()
    for (let sync = 0; sync < 2; sync += 1) {
      database.exec('BEGIN IMMEDIATE')
      insert.run(bytes)
      database.exec('COMMIT')
    }
    return performance.now() - began
  })
  database.close()
  return { p50Ms: percentile(took, 0.5), p99Ms: percentile(took, 0.99) }
}
