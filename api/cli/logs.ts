import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { CliAction } from './command.ts'
import { endsRun, pause, readLines } from './run-log.ts'

/**
 * `lattice logs`: a run's `run.jsonl`.
 *
 * Promise: whole lines, each once, in order; `--follow` ends when the run does, and waits for a run that has not begun.
 * Reads the file alone, so it works beside any process that writes it.
 */
export const logs: CliAction = async ({ arguments: [run = ''], options, loaded, print, signal }) => {
  if (!/^[\w:-][\w.:-]{0,127}$/.test(run)) throw new Failure('request.invalid', `${run} is no run id`)
  const path = join(loaded.config.runsDir, run, 'run.jsonl')
  const follow = options['follow'] === true
  if (!existsSync(path) && follow) print.note(`waiting for ${path}`)
  while (!existsSync(path)) {
    if (!follow) {
      throw new Failure('run.unknown', `there is no log of run ${run} in ${loaded.config.runsDir}`, {
        remedy: 'LATTICE_RUNS_DIR says where run folders are; a chat run has none',
      })
    }
    await pause(100, signal)
    if (signal.aborted) return 130
  }
  for await (const line of readLines(path, { follow, signal })) {
    print.out(line)
    if (follow && endsRun(line)) return 0
  }
  return signal.aborted ? 130 : 0
}
