/**
 * A copy of a DuckDB file that this process has open.
 *
 * Promise: nothing but the child opens the file, since closing it here as a plain file would drop DuckDB's lock. The
 * copy is whole when the owner commits nothing meanwhile; where the file system can, it shares the blocks.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Failure } from '#processors/ports/failure.ts'

export async function copyDatabase(from: string, to: string): Promise<void> {
  if (existsSync(to)) throw new Failure('internal', `${to} is there already`)
  const child = fileURLToPath(import.meta.resolve('#infra/duckdb/duckdb-snapshot-child.ts'))
  try {
    await promisify(execFile)(process.execPath, [child, from, to], { env: {} })
  } catch (cause) {
    throw new Failure('store.stalled', `${to} could not be written`, { remedy: 'Check the space on the disk.', cause })
  }
}
