import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import type { StoredRecord } from './event-log.ts'

/**
 * The records of a topic shared out among the workers of a group.
 *
 * Promises little, the same on every backend (`test/contracts/work-share.ts`, R10): each record reaches at least one
 * worker, perhaps several, in no order, and is finished singly. A record whose worker died, or was stopped longer than
 * `leaseMs`, is delivered again to another. Correctness is the run chain's (R1), never this port's.
 */
export interface WorkShare {
  /**
   * Deliveries for this worker until the signal aborts. At most `window` are unfinished at a time. A group starts at
   * the first record of the topic. What was delivered and not finished when the iteration ends is delivered again.
   */
  take(topic: Topic, group: string, options: TakeOptions): AsyncIterable<Delivery>
  /** Unfinished records of a group: `waiting` not yet delivered, `taken` delivered and unfinished. */
  backlog(topic: Topic, group: string): Promise<{ waiting: number; taken: number }>
  close(): Promise<void>
}

export interface TakeOptions {
  /** Unfinished deliveries at a time; at least 1. */
  readonly window: number
  readonly signal: AbortSignal
  /** How long a worker may be silent before its records go to another. Default 30,000 ms; tests set it lower. */
  readonly leaseMs?: number
  /** Skips a record without a delivery, finished at once; headers only. */
  readonly wants?: (headers: StoredRecord['headers']) => boolean
}

export interface Delivery {
  readonly record: StoredRecord
  readonly position: Position
  /** False the first time as far as this backend knows; a hint that saves work, never a promise. */
  readonly redelivered: boolean
  /** Marks it finished, so that it is not delivered again. Idempotent; may be batched; survives a restart "soon". */
  done(): Promise<void>
  /**
   * Lets go of it unfinished: it counts no longer against the window, and is delivered again: to another worker, or after
   * a lease to this one. On Kafka, where a partition has one worker, when the partition has another.
   */
  release(): Promise<void>
}
