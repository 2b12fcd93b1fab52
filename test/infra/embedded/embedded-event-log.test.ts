/**
 * The embedded log keeps the contract of an event log, as it is set by default and with several partitions.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventLogHarness, describeEventLog } from '#test/contracts/event-log.ts'
import { type EmbeddedGiven, openFrom } from './open-embedded.ts'

function harness(given: Omit<EmbeddedGiven, 'path'>): EventLogHarness<EmbeddedGiven> {
  return {
    prepare: async () => ({ path: await mkdtemp(join(tmpdir(), 'lattice-log-')), ...given }),
    open: openFrom,
    opener: (space) => ({ module: new URL('./open-embedded.ts', import.meta.url).href, given: space }),
    clear: ({ path }) => rm(path, { recursive: true }),
    trim: async (space, topic, partition, before) => {
      const log = await openFrom(space)
      await log.trim(topic, partition, before)
      await log.close()
    },
    recreate: ({ path }) => rm(path, { recursive: true }),
  }
}

describeEventLog('embedded', harness({ partitions: 1, syncMode: 'full' }))
describeEventLog('embedded, three partitions, not synced', harness({ partitions: 3, syncMode: 'off' }))
