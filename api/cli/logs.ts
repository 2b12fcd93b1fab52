import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { CliAction } from './command.ts'
import { outcomeText } from './outcome.ts'
import { endsRun, pause, readLines } from './run-log.ts'
import { runs } from './runs.ts'

/**
 * `lattice logs`: a run's `run.jsonl`; without a run, the last runs.
 *
 * Promise: whole lines, each once, in order; `--follow` ends when the run does, and waits for a run that has not begun.
 * Reads the file alone, so it works beside any process that writes it. How a run ended that was not accepted stands in
 * words on stderr.
 */
export const logs: CliAction = async (context) => {
  const {
    arguments: [given],
    options,
    loaded,
    print,
    signal,
  } = context
  const follow = options['follow'] === true
  if (given === undefined) {
    if (follow) throw new Failure('request.invalid', '--follow needs a run id: lattice runs lists the last ones')
    return runs(context)
  }
  if (!/^[\w:-][\w.:-]{0,127}$/.test(given)) throw new Failure('request.invalid', `${given} is no run id`)
  const { runsDir } = loaded.config
  const run = wholeId(runsDir, given)
  const path = join(runsDir, run, 'run.jsonl')
  if (!existsSync(path) && follow) print.note(`waiting for ${path}`)
  while (!existsSync(path)) {
    if (!follow) {
      throw new Failure('run.unknown', `there is no log of run ${run} in ${loaded.config.runsDir}`, {
        remedy: 'lattice runs lists the last ones; LATTICE_RUNS_DIR says where run folders are; a chat run has none',
      })
    }
    await pause(100, signal)
    if (signal.aborted) return 130
  }
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

/** The id of the one run that begins so; what was given, where there is no such run. Errors: `request.invalid`. */
function wholeId(runsDir: string, given: string): string {
  if (!existsSync(runsDir) || existsSync(join(runsDir, given))) return given
  const found = readdirSync(runsDir).filter((name) => name.startsWith(given))
  if (found.length > 1) {
    const shown = found.sort().slice(-mostNamed).join(', ')
    throw new Failure('request.invalid', `${found.length} run ids begin with ${given}: ${shown}`, {
      remedy: 'give more of the run id; lattice runs lists the last ones',
    })
  }
  return found[0] ?? given
}

const mostNamed = 5
