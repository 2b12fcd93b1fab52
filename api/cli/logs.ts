import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '#processors/ports/failure.ts'
import type { CliAction } from './command.ts'

/**
 * `lattice logs`: a run's `run.jsonl`.
 *
 * Promise: whole lines, each once, in order; `--follow` ends when the run does. Reads the file alone, so it works beside
 * any process that writes it.
 */
export const logs: CliAction = async ({ arguments: [run = ''], options, loaded, print, signal }) => {
  if (!/^[\w.:-]{1,128}$/.test(run)) throw new Failure('request.invalid', `${run} is no run id`)
  const path = join(loaded.config.runsDir, run, 'run.jsonl')
  const follow = options['follow'] === true
  if (!existsSync(path)) {
    throw new Failure('run.unknown', `there is no log of run ${run} in ${loaded.config.runsDir}`, {
      remedy: 'LATTICE_RUNS_DIR says where run folders are; a chat run has none',
    })
  }
  for await (const line of lines(path, follow, signal)) {
    print.out(line)
    if (follow && line.includes('"event":"run_completed"')) break
  }
  return signal.aborted ? 130 : 0
}

const lookAgainMs = 100

/** What is behind the last line end is a line under way, and waits for its end. */
async function* lines(path: string, follow: boolean, signal: AbortSignal): AsyncGenerator<string> {
  const file = await open(path)
  try {
    const chunk = Buffer.alloc(64 * 1024)
    let rest = Buffer.alloc(0)
    let position = 0
    while (!signal.aborted) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position)
      if (bytesRead === 0) {
        if (!follow) return
        await pause(lookAgainMs, signal)
        continue
      }
      position += bytesRead
      let bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10)) {
        yield bytes.toString('utf8', 0, end)
        bytes = bytes.subarray(end + 1)
      }
      rest = Buffer.from(bytes)
    }
  } finally {
    await file.close()
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
