/**
 * The mark of an import that is under way, in LATTICE_DATA: it names the log that is being filled.
 *
 * Promise: from before the first record is appended until after the last one, opening that log from this LATTICE_DATA is
 * refused by name. So an import that was killed is never taken for a log that is whole. Other logs are not concerned.
 */
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import { makeFolder, syncFolder, writeSynced } from './copy-file.ts'

/** The mark is on the disk when this returns; `finished` takes it away. */
export async function markImport(
  data: string,
  given: { logId: string; file: string },
): Promise<{ finished(): Promise<void> }> {
  const path = markOf(data, given.logId)
  await makeFolder(data)
  await writeSynced(path, `${given.file}\n`)
  await syncFolder(data)
  return {
    async finished() {
      await rm(path)
      await syncFolder(data)
    },
  }
}

/** Errors: `log.damaged`, where an import into this log was not finished. */
export function refuseUnfinishedImport(data: string, logId: string): void {
  const path = markOf(data, logId)
  if (!existsSync(path)) return
  const file = readFileSync(path, 'utf8').trim()
  throw new Failure(
    'log.damaged',
    `the import of ${file} into log ${logId} is under way, or was cut off: a part is missing`,
    {
      remedy:
        `If no import is running, import again into a new log: delete ${data}, or name another folder by LATTICE_DATA; ` +
        'on Redis or Kafka take another LATTICE_LOG_NAMESPACE as well.',
    },
  )
}

function markOf(data: string, logId: string): string {
  return join(data, `import-into-${encodeURIComponent(logId)}.unfinished`)
}
