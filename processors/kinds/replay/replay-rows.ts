import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ReplayResult } from './replay-result.ts'

/**
 * The shared file of replays, `<root>/data/_kb/replay_runs.jsonl`, one `replay_run.v1` row a replay.
 *
 * Promise: a row is one write at the end of the file, whoever else writes there. Its response is cut to 4,000 characters,
 * never inside one, as the file's other writers do; the run's events keep all of it.
 */
export const replayRowsFile = join('data', '_kb', 'replay_runs.jsonl')
const keptCharacters = 4000

export async function appendReplayRow(root: string, result: ReplayResult): Promise<void> {
  const path = join(root, replayRowsFile)
  await mkdir(dirname(path), { recursive: true })
  await appendFile(path, `${JSON.stringify(replayRow(result))}\n`)
}

export function replayRow(result: ReplayResult): { readonly schema: 'replay_run.v1' } & ReplayResult {
  const { model_response: response } = result
  const kept = response.length <= keptCharacters ? response : Array.from(response).slice(0, keptCharacters).join('')
  return { schema: 'replay_run.v1', ...result, model_response: kept }
}
