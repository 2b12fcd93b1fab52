import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import { awaitedRun, noLogOf } from './awaited-run.ts'
import type { CliAction, CliContext } from './command.ts'
import { outcomeText } from './outcome.ts'
import { endsRun, pause, readLines } from './run-log.ts'
import { runs } from './runs.ts'
import { wholeId } from './whole-id.ts'

/**
 * `lattice logs`: a run's `run.jsonl`; without a run, the last runs.
 *
 * Promise: whole lines, each once, in order; `--follow` ends when the run does, and waits for a run that has not begun,
 * as long as it can still come: what has no run folder, and what the event log does not have, is said so.
 * Reads the file alone where it is there, so it works beside any process that writes it. How a run ended that was not accepted stands in
 * words on stderr.
 */
export const logs: CliAction = async (context) => {
  const {
    arguments: [given],
    options,
    print,
    signal,
  } = context
  const follow = options['follow'] === true
  if (given === undefined) {
    if (follow) throw new Failure('request.invalid', '--follow needs a run id: lattice runs lists the last ones')
    return runs(context)
  }
  if (!/^[\w:-][\w.:-]{0,127}$/.test(given)) throw new Failure('request.invalid', `${given} is no run id`)
  const path = await pathOf(context, given, follow)
  if (path === undefined) return 130
  let attempts = 0
  for await (const line of readLines(path, { follow, signal })) {
    print.out(line)
    if (/^\{"ts":"[^"]*","event":"attempt_started",/.test(line)) attempts += 1
    if (!endsRun(line)) continue
    const { outcome, reason } = JSON.parse(line) as { outcome: string; reason: string | null }
    if (outcome !== 'accepted') print.note(outcomeText({ outcome, reason, attempts }).text)
    if (follow) return 0
  }
  return signal.aborted ? 130 : 0
}

/** Where the run's log is, once it is there; undefined when interrupted. Errors: `run.unknown`, when it will not be. */
async function pathOf(context: CliContext, given: string, follow: boolean): Promise<string | undefined> {
  const { signal, print } = context
  const { runsDir } = context.loaded.config
  const begunAt = performance.now()
  let askAt = 0
  for (;;) {
    const run = wholeId(runsDir, given)
    const path = join(runsDir, run, 'run.jsonl')
    if (existsSync(path)) return path
    if (signal.aborted) return undefined
    const waitedMs = performance.now() - begunAt
    if (!follow || waitedMs >= askAt) {
      const found = await awaitedRun(context, run)
      const isLate = waitedMs >= appearsWithinMs && found.is !== 'coming'
      // The folder may have come while the log was asked.
      if (existsSync(path)) return path
      if (!follow || found.is === 'no-folder' || isLate) throw noLogOf(found, { given, runsDir })
      if (askAt === 0) print.note(`waiting for ${path}`)
      askAt = waitedMs + askAgainMs
    }
    await pause(100, signal)
  }
}

/** For a run that somebody is only about to submit, and for a folder that is being written. */
const appearsWithinMs = 5_000
const askAgainMs = 2_500
