import type { Reactor } from '#processors/delivery/reactor.ts'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { Clock } from '#processors/ports/clock.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { Position } from '#schemas/position.ts'
import { mapClaimable } from '#schemas/wire/claimable.ts'
import type { RunEventView } from './follow-run.query.ts'
import { type RunEvent, runSpans } from './run-spans.ts'
import type { SpanBatches } from './span-batches.ts'

/**
 * Sends the spans of each run that has ended to a tracing backend.
 *
 * Promise: off every path: it is handed `run.completed` from the log as workers are handed tasks, so it starts where the
 * last one of its group stopped, whichever process that was; each ended run is sent at least once, and ids make twice
 * once. While the backend is down nothing is let go of: the records wait on the log. A run that ended longer ago than
 * `oldestMs` is passed over: who turns this on beside an old log is not sent years of it.
 */
export interface ExportPorts {
  readonly feed: RunFeed
  readonly claimCheck: ClaimCheck
  readonly clock: Pick<Clock, 'now'>
  readonly batches: Pick<SpanBatches, 'send'>
  /** The run's accepted events, to its end. */
  readonly eventsOf: (run: string, end: Position, signal: AbortSignal) => Promise<readonly RunEventView[]>
}

const oldestMs = 7 * 24 * 3_600_000

export function exportRuns(ports: ExportPorts): Reactor {
  const { feed, claimCheck, clock, batches, eventsOf } = ports
  return {
    name: 'export-runs',
    version: 1,
    topic: 'runs.v1',
    on: ['run.completed'],
    async react({ position, record }, signal) {
      const { key: run, headers } = record
      if (clock.now() - Date.parse(headers['ce_time'] ?? '') > oldestMs) return 'done'
      await feed.reached(position, signal)
      if (feed.isRejected(position.partition, position.offset)) return 'done'
      const events = await eventsOf(run, position, signal)
      const told = await Promise.all(events.map((event) => opened(event as RunEvent, claimCheck)))
      return (await batches.send(runSpans(told))) ? 'done' : 'again'
    },
  }
}

/** With its claimed texts; what was erased since is named by its reference. */
async function opened(event: RunEvent, claimCheck: ClaimCheck): Promise<RunEvent> {
  const { type, subject, time, traceparent } = event
  const about = { subject, time, ...(traceparent === undefined ? {} : { traceparent }) }
  const data = await claimCheck.openData(type, event.data).catch((error: unknown) => {
    if (!isFailure(error, 'object.missing')) throw error
    return mapClaimable(type, event.data, (value) =>
      typeof value === 'string' ? value : `[object ${value.sha256} is not kept]`,
    )
  })
  return { type, data, ...about } as RunEvent
}
