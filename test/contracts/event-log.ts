/**
 * What every event log must do, whatever stands behind it. Each backend's test file calls `describeEventLog`.
 *
 * A test's title begins with the promises it proves, in brackets, where it proves any.
 */
import { describe } from 'vitest'
import { appending } from './event-log/appending.ts'
import { failing } from './event-log/failing.ts'
import { following } from './event-log/following.ts'
import type { EventLogHarness } from './event-log/harness.ts'
import { history } from './event-log/history.ts'
import { law } from './event-log/law.ts'
import { reading } from './event-log/reading.ts'
import { oldEvents } from './event-log/old-events.ts'
import { preparedLogs } from './event-log/prepared-logs.ts'

export type { EventLogHarness } from './event-log/harness.ts'

export function describeEventLog<Space>(name: string, harness: EventLogHarness<Space>): void {
  describe(`event log: ${name}`, { timeout: 30_000 * (harness.slowness ?? 1) }, () => {
    const logs = preparedLogs(harness)
    appending(logs)
    reading(logs)
    following(logs)
    history(logs)
    failing(logs)
    law(logs)
    oldEvents(logs)
  })
}
