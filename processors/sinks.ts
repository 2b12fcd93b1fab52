import { reactorFailed } from './delivery/reactor-failed.ts'
import { writeRows } from './delivery/row-sink.ts'
import type { RowSinkPorts } from './delivery/row-sink.ts'
import { sessionsSink } from './kinds/iterate/sessions.sink.ts'
import { isFailure } from './ports/failure.ts'
import { replayRowsOf } from './replay-rows.ts'
import type { Lattice } from './start.ts'

/**
 * The files of rows that are shared with other daemons, written by one process of a data folder at a time (R15).
 *
 * Promise: nobody waits for a row. A process that does not get a sink's lock tries again, so that the next one goes on
 * where the writer was killed. What goes wrong is reported and never ends the process.
 */
interface Sink {
  readonly name: string
  /** Undefined where it is turned off. */
  readonly path: string | undefined
  readonly write: (ports: RowSinkPorts, options: { follow: true; signal: AbortSignal }) => Promise<void>
}

/** ★ Every sink with its file. */
function sinksOf({ settings }: Lattice['given']): readonly Sink[] {
  return [
    {
      name: sessionsSink.name,
      path: settings.sessionLog,
      write: (ports, options) => writeRows(sessionsSink, ports, options),
    },
  ]
}

const tryEveryMs = 2_000
const sweepEveryMs = 5_000

export async function followSinks(lattice: Lattice, signal: AbortSignal): Promise<void> {
  const { clock } = lattice.given
  const following = sinksOf(lattice.given).map(async (sink) => {
    while (sink.path !== undefined && !signal.aborted) {
      await write(lattice, sink, signal)
      await clock.sleep(tryEveryMs, signal)
    }
  })
  await Promise.all([...following, sweepReplayRows(lattice, signal)])
}

/** Who asks for a replay writes its row; here are written those that a process was killed before, or could not write. */
async function sweepReplayRows(lattice: Lattice, signal: AbortSignal): Promise<void> {
  const { clock, report } = lattice.given
  const rows = replayRowsOf(lattice)
  while (!signal.aborted) {
    const failures = await rows.sweep().catch((error: unknown) => [error])
    for (const failure of signal.aborted ? [] : failures) {
      const { code, message } = isFailure(failure) ? failure : { code: 'internal', message: String(failure) }
      report({ signal: 'store.stalled', store: 'replays', code, message })
    }
    await clock.sleep(sweepEveryMs, signal)
  }
}

async function write({ given, codec, feed, claimCheck }: Lattice, sink: Sink, signal: AbortSignal): Promise<void> {
  const { log, clock, report, locks } = given
  const lock = locks.tryAcquire(`sink-${sink.name}`)
  if (lock === undefined || sink.path === undefined) return
  try {
    const file = given.openRowFile(sink.path, sink.name)
    await sink.write({ log, codec, feed, clock, report, claimCheck, file }, { follow: true, signal })
  } catch (error) {
    if (signal.aborted) return
    report(reactorFailed(`sink-${sink.name}`, error))
  } finally {
    lock.release()
  }
}
