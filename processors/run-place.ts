import type { RunPlace } from './runs/follow-run.query.ts'
import { placesOf } from './runs/runs.query.ts'
import { need } from './start.ts'
import type { Lattice } from './start.ts'
import type { Position } from '#schemas/position.ts'

/** Where a run's events are, by what the lookup store knows; all behind its first where the store has not come to it yet. */
export async function placeOfRun(
  lattice: Lattice,
  runId: string,
  { partition, offset }: Pick<Position, 'partition' | 'offset'>,
): Promise<RunPlace> {
  const places = await need(lattice, 'lookup').query((tables) => placesOf(tables, runId))
  return places ?? { runId, partition, offsets: [], foldedTo: offset }
}
