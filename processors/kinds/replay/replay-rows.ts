import { join } from 'node:path'
import type { RowFile } from '#processors/ports/row-file.ts'
import type { ReplayResult } from './replay-result.ts'

/**
 * The shared file of replays, `<root>/data/_kb/replay_runs.jsonl`, one `replay_run.v1` row a replay.
 *
 * Promise: a row goes in whole, by one write at the end, whoever else writes there. Who asked for the replay writes it and
 * is told if that fails; a process killed between the run's end and its row leaves none, and the run is on the log. The
 * row's response is cut to 4,000 characters,
 * never inside one, as the file's other writers do; the run's events keep all of it.
 */
export const replayRowsFile = join('data', '_kb', 'replay_runs.jsonl')
const keptCharacters = 4000

export async function appendReplayRow(file: RowFile, result: ReplayResult): Promise<void> {
  await file.append([JSON.stringify(replayRow(result))])
}

function replayRow(result: ReplayResult): { readonly schema: 'replay_run.v1' } & ReplayResult {
  const { model_response: response } = result
  const kept = response.length <= keptCharacters ? response : Array.from(response).slice(0, keptCharacters).join('')
  return { schema: 'replay_run.v1', ...result, model_response: kept }
}
