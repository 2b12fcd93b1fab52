import { isFailure } from '#processors/ports/failure.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'

/**
 * An ordered, partitioned, durable record of events.
 *
 * Promises, the same on every backend (one contract suite, `test/contracts/event-log.ts`):
 * - `append.survives`: what is acknowledged is still there after a crash, as far as `durability` says.
 * - `append.once`: an append retried by the log itself after a cut connection is written once (R6).
 * - `log.ordered`: positions of a partition are contiguous, and visible in order.
 * - `log.same`: a reader that gives the id of the record before its position is stopped by name when the
 *   history is another one, never silently continued (R5).
 */
export interface EventLog {
  /** Identity of this history; new when the log is created anew. `[A-Za-z0-9_-]{1,64}`. */
  readonly id: string
  /** Scheme of the backend, for people: embedded, redis, kafka. */
  readonly backend: string
  /** What an acknowledged append survives, in words, as read from the backend's own settings. */
  readonly durability: string
  /** How many partitions a topic has. Fixed at creation. */
  partitions(topic: Topic): number
  /**
   * Appends in order, each record to the partition of its key; resolves once acknowledged, with one position a record.
   * Records of one call for one partition stand together and in order; calls may run concurrently, and the log may
   * merge them into one sync or send. Errors: `log.full`, `log.unavailable` (nothing written),
   * `append.outcome-unknown` (may have been written), `record.too-large` (nothing of the call written), `log.closed`.
   */
  append(topic: Topic, records: readonly NewRecord[], options?: AppendOptions): Promise<readonly Position[]>
  /**
   * Batches of one partition from `from` on (inclusive), in order and without holes. No consumer group, no state.
   * Ends at the partition's end as it was when the read began, or goes on for ever with `follow`.
   * Errors: `log.trimmed` (from lies before the first record kept), `log.diverged` (`from` beyond the end, or the
   * record before it is not `after`), `log.gap`, `log.unavailable` (a read retries by itself for `patienceMs` first).
   */
  read(from: Position, options?: ReadOptions): AsyncIterable<readonly StoredRecord[]>
  /** First offset kept and the offset the next record will get, a partition each, in partition order. */
  bounds(topic: Topic): Promise<readonly PartitionBounds[]>
  /** Ends every read and refuses further appends; appends under way settle first. */
  close(): Promise<void>
}

export interface AppendOptions {
  /**
   * Bounded wait on an unreachable log before `log.unavailable`, or `append.outcome-unknown` where it was sent. Default
   * 30,000 ms. Calls that share a sync or a send share the shortest.
   */
  readonly patienceMs?: number
}

/** Whether appending the same records again may go well. */
export function mayPass(error: unknown): boolean {
  return (['log.unavailable', 'log.full', 'append.outcome-unknown'] as const).some((code) => isFailure(error, code))
}

export interface NewRecord {
  /** Decides the partition; 1 to 512 bytes of UTF-8. */
  readonly key: string
  /** Small, string to string, ASCII names. The event's id is header `ce_id`. */
  readonly headers: RecordHeaders
  readonly value: Uint8Array
}

export type RecordHeaders = Readonly<Record<string, string>>

/** A record as it stands in the log. A foreign record without key or value has '' or zero bytes. */
export interface StoredRecord {
  readonly offset: number
  readonly key: string
  /** May be decoded on first use. */
  readonly headers: RecordHeaders
  /** A view that stays valid: the log never reuses its memory. */
  readonly value: Uint8Array
}

export interface PartitionBounds {
  readonly partition: number
  /** Offset of the first record kept; equals `next` when empty. */
  readonly first: number
  /** Offset the next record will get. */
  readonly next: number
}

export interface ReadOptions {
  /** Go on after the end, waiting for records. Default false. */
  readonly follow?: boolean
  /** At most this many records a batch. Without it each backend gives what it reads fastest, at most 1000. */
  readonly batchSize?: number
  /** Ends the iteration (without an error) when aborted. */
  readonly signal?: AbortSignal
  /**
   * Header `ce_id` of the record at `from.offset - 1`, from the reader's checkpoint. When given and `from.offset > 0`,
   * that record is read again and must carry this id; if it has been trimmed away the error is `log.trimmed` only when
   * `from.offset` itself is gone too.
   */
  readonly after?: string
  /** Bounded wait on an unreachable log before `log.unavailable`. Default 30,000 ms; Infinity when following. */
  readonly patienceMs?: number
}

/** Which partition a key belongs to; the same on every backend and in every version (FNV-1a, 32 bit, of UTF-8). */
export function partitionOf(key: string, partitions: number): number {
  if (partitions === 1) return 0
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(key, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) % partitions
}

export const recordLimits = {
  /** At most this many records an append call; a longer one is split by the journal. */
  records: 1000,
  /** At most this many bytes of keys, headers and values an append call, and so a record. */
  bytes: 8 * 1024 * 1024,
} as const
