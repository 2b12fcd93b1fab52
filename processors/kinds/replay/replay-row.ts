import { join } from 'node:path'
import type { ReplayResult } from './replay-result.ts'

/**
 * A row `replay_run.v1` of the shared file of replays, `<root>/data/_kb/replay_runs.jsonl`.
 *
 * Promise: the result with its schema before it, the response cut to 4,000 characters and never inside one, as the file's
 * other writers do; the run's events keep all of it. A row is known by its `recorded_run_id`.
 */
export const replayRowsFile = join('data', '_kb', 'replay_runs.jsonl')
const keptCharacters = 4000

export function replayRow(result: ReplayResult): { readonly schema: 'replay_run.v1' } & ReplayResult {
  const { model_response: response } = result
  const kept = response.length <= keptCharacters ? response : Array.from(response).slice(0, keptCharacters).join('')
  return { schema: 'replay_run.v1', ...result, model_response: kept }
}

/** Whether a line is that row, whole. */
export function isRowOf(recordedRunId: string, line: string): boolean {
  if (!line.includes(recordedRunId)) return false
  try {
    return (JSON.parse(line) as Partial<ReplayResult> | null)?.recorded_run_id === recordedRunId
  } catch {
    return false
  }
}
