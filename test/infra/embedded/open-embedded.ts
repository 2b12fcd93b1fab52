/**
 * The embedded log and work share as the suites open them, in this process or in another.
 */
import type { EventLog } from '#processors/ports/event-log.ts'
import { type EmbeddedEventLog, openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'

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
