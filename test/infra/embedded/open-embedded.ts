/**
 * The embedded log and work share as the suites open them, in this process or in another.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

/** Another process, stopped in the middle of a transaction on this file; `kill` resolves once it is gone. */
export async function stoppedWriter(file: string): Promise<{ kill(): Promise<void> }> {
  const script = fileURLToPath(new URL('stopped-writer.ts', import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}
