import { reactorFailed } from './delivery/reactor-failed.ts'
import { shareTopic } from './delivery/share-topic.ts'
import type { WorkShare } from './ports/work-share.ts'
import type { Position } from '#schemas/position.ts'
import { exportRuns } from './runs/export-runs.reactor.ts'
import { followRun } from './runs/follow-run.query.ts'
import type { RunEventView } from './runs/follow-run.query.ts'
import { placesOf } from './runs/runs.query.ts'
import { createSpanBatches } from './runs/span-batches.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'

/**
 * The export of traces, over a started process; undefined, and nothing loaded, where no backend is configured.
 *
 * Promise: nobody waits for it. `stop` tries what is under way once more; what is not sent then waits on the log.
 */
export interface SpanExport {
  stop(): Promise<void>
}

/** Runs whose spans are held at a time. */
const window = 64
const foldedWithinMs = 30_000

export async function exportSpans(
  lattice: Lattice,
  { workShare, signal }: { readonly workShare: WorkShare; readonly signal: AbortSignal },
): Promise<SpanExport | undefined> {
  const { given, codec, feed, claimCheck } = lattice
  const { clock, report, log } = given
  const exporter = await given.openSpanExporter?.()
  if (exporter === undefined) return undefined
  const batches = createSpanBatches({ exporter, clock, report })
  const stopping = new AbortController()

  async function eventsOf(run: string, end: Position, ending: AbortSignal): Promise<RunEventView[]> {
    const lookup = need(lattice, 'lookup')
    await lookup.reached([end], foldedWithinMs)
    const places = await lookup.query((tables) => placesOf(tables, run))
    const place = places ?? { runId: run, partition: end.partition, offsets: [], foldedTo: 0 }
    const events: RunEventView[] = []
    for await (const event of followRun({ log, codec, feed }, place, { follow: false, signal: ending }))
      events.push(event)
    return events
  }

  const reactor = exportRuns({ feed, claimCheck, clock, batches, eventsOf })
  const sharing = shareTopic(reactor, { workShare, clock, report }, { window, signal, stopping: stopping.signal })
  sharing.catch((error: unknown) => report(reactorFailed(reactor.name, error)))

  return {
    async stop() {
      await batches.close()
      stopping.abort()
      await sharing.catch(() => {})
    },
  }
}
