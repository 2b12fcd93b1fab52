import { Failure, isFailure } from '#processors/ports/failure.ts'
import { findRun } from '#processors/runs/find-run.query.ts'
import { getRun, hasFolder } from '#processors/runs/runs.query.ts'
import type { RunView } from '#processors/runs/runs.query.ts'
import type { CliContext } from './command.ts'
import { outcomeText } from './outcome.ts'

/**
 * Whether a run whose log is not there can still get one, by what the event log has of it.
 *
 * Promise: only looks, for a moment, so that whoever carries the run out is not kept from its stores.
 */
export type Awaited =
  | { readonly is: 'unknown' }
  /** Its folder is to come. */
  | { readonly is: 'coming'; readonly runId: string }
  /** It has ended; somebody has still to write its folder. */
  | { readonly is: 'ended'; readonly runId: string }
  /** Of a kind that is kept on the log and in the stores alone. */
  | { readonly is: 'no-folder'; readonly run: RunView }

export async function awaitedRun(context: CliContext, runId: string): Promise<Awaited> {
  if (!(await context.hasLog())) return { is: 'unknown' }
  const opened = await context.open({ role: 'logs', stores: ['lookup'], existing: true, models: false, quiet: true })
  try {
    const { log, clock } = opened.lattice.given
    const ports = { store: opened.store('lookup'), log, feed: opened.lattice.feed, clock }
    const run = await findRun(ports, runId, (tables) => getRun(tables, runId))
    if (!hasFolder(run.kind)) return { is: 'no-folder', run }
    return { is: run.status === 'done' ? 'ended' : 'coming', runId }
  } catch (error) {
    if (isFailure(error, 'run.unknown')) return { is: 'unknown' }
    if (isFailure(error, 'position.not-reached') || isFailure(error, 'store.locked')) return { is: 'coming', runId }
    throw error
  } finally {
    await opened.close()
  }
}

/** What is said of a run that will have no log to print. */
export function noLogOf(found: Awaited, { given, runsDir }: { given: string; runsDir: string }): Failure {
  if (found.is === 'no-folder') {
    const { runId, kind, status, outcome, reason, attempts } = found.run
    const how = outcome === null ? `it is ${status}` : outcomeText({ outcome, reason, attempts }).text
    return new Failure('run.unknown', `a ${kind} run has no run folder, and so no log: ${how}`, {
      remedy: `lattice runs and GET /v1/runs/${runId} show it; lattice events runs.v1 prints its events`,
    })
  }
  if (found.is !== 'unknown') {
    return new Failure('run.unknown', `the folder of run ${found.runId} is not in ${runsDir}`, {
      remedy: 'lattice serve builds run folders from the log; LATTICE_RUNS_DIR says where they are',
    })
  }
  return new Failure(
    'run.unknown',
    `there is no log of run ${given} in ${runsDir}, and the event log has no such run`,
    {
      remedy: 'lattice runs lists the last ones; LATTICE_RUNS_DIR says where run folders are',
    },
  )
}
