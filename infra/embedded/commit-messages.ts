/** What the log's main side and its committing thread tell each other. */
import type { Failure } from '#processors/ports/failure.ts'
import type { PartitionFrames } from './frame-committer.ts'

export interface CommitThreadData {
  /** The folder that holds `log.sqlite`. */
  readonly folder: string
  readonly synced: boolean
  readonly busyPatienceMs: number
}

export type ToCommitThread = readonly PartitionFrames[] | 'close'

export type FromCommitThread =
  | { readonly bases: readonly number[] }
  | { readonly failure: Pick<Failure, 'code' | 'message' | 'remedy'> }
