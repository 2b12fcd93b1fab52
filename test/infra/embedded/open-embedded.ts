/**
 * The embedded log and work share as the suites open them, in this process or in another.
 */
import { join } from 'node:path'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { WorkShare } from '#processors/ports/work-share.ts'
import { type EmbeddedEventLog, openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { openEmbeddedWorkShare } from '#infra/embedded/embedded-work-share.ts'
import { openSqliteProcessLocks } from '#infra/sqlite/sqlite-process-locks.ts'

export interface EmbeddedGiven {
  readonly path: string
  readonly partitions: number
  readonly syncMode: 'full' | 'off'
}

export async function openEventLog(given: unknown): Promise<EventLog> {
  return await openFrom(given as EmbeddedGiven)
}

export function openFrom(given: EmbeddedGiven): Promise<EmbeddedEventLog> {
  return openEmbeddedEventLog(given)
}

export async function openWorkShare(given: unknown): Promise<WorkShare> {
  const log = await openFrom(given as EmbeddedGiven)
  const share = await openShareOver(given as EmbeddedGiven, log)
  return {
    take: (...how) => share.take(...how),
    backlog: (...which) => share.backlog(...which),
    close: async () => {
      await share.close()
      await log.close()
    },
  }
}

export function openShareOver({ path }: EmbeddedGiven, log: EventLog): Promise<WorkShare> {
  return openEmbeddedWorkShare({ path, log, locks: openSqliteProcessLocks(join(path, 'locks')) })
}
