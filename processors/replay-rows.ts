import { join } from 'node:path'
import { owedRows } from './kinds/replay/owed-rows.ts'
import type { OwedRows } from './kinds/replay/owed-rows.ts'
import { replayRowsFile } from './kinds/replay/replay-row.ts'
import { readRun } from './kinds/replay/run-side.ts'
import type { ReadRun } from './kinds/replay/run-side.ts'
import { Failure, isFailure } from './ports/failure.ts'
import { findRun } from './runs/find-run.query.ts'
import { placesOf } from './runs/runs.query.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'
import type { Position } from '#schemas/position.ts'

/**
 * What replays read and owe, over a started process.
 *
 * Promise: a run is read as the log has it, also one that was accepted a moment ago; what is owed is the data folder's, so any
 * of its processes pays.
 */
export function readRunsOf(lattice: Lattice): (runId: string, at?: Position) => Promise<ReadRun> {
  const { given, feed, codec, claimCheck } = lattice
  const { log, clock } = given
  return async (runId, at) => {
    const store = need(lattice, 'lookup')
    await (at === undefined ? feed.catchUp() : feed.reached(at))
    if (at !== undefined && !(await store.reached([at], storeWaitMs)))
      throw new Failure('position.not-reached', 'the lookup store did not catch up')
    const place = await findRun({ store, log, feed, clock }, runId, (tables) => placesOf(tables, runId))
    const read = await readRun({ log, codec, feed, claimCheck }, place)
    if (read === undefined) throw new Failure('run.unknown', `run ${runId} has no readable beginning`)
    return read
  }
}

const storeWaitMs = 30_000

/** What is owed to the shared files of replays by the processes of this data folder. */
export function replayRowsOf(lattice: Lattice): OwedRows {
  const { given, claimCheck } = lattice
  const { log, locks, clock, settings } = given
  const read = readRunsOf(lattice)
  const name = 'replays'
  return owedRows({
    openRows: (root) => given.openRowFile(join(root, replayRowsFile), name),
    note: given.openRowFile('', name),
    claimCheck,
    locks,
    clock,
    logId: log.id,
    worker: settings.worker,
    read: (runId) =>
      read(runId).then(
        ({ state }) => state,
        (error: unknown) => {
          if (isFailure(error, 'run.unknown')) return undefined
          throw error
        },
      ),
  })
}
