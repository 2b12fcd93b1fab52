import type { PreparedEvent } from '#processors/journal/journal.ts'
import type { RunState } from './run.ts'

/** A run whose last event is known: fresh from its submission, or folded from its history. */
export interface KnownRun {
  readonly state: RunState
  readonly head: Head
  /** Not on the log yet: goes with the first append. The run's id is new then, so nobody else can own it. */
  readonly submission?: PreparedEvent
  /** Aborted when nobody waits for the answer any more: the run is cancelled, or given up where the server closes. */
  readonly gone?: AbortSignal
}

export interface Head {
  readonly seq: number
  readonly id: string
}
