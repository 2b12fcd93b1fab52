import type { Decoded } from '#processors/journal/read.ts'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { Topic } from '#schemas/topics.ts'

/**
 * The store contract: a fold of the log that carries its own checkpoint, and can be thrown away and built again.
 *
 * Promises: state and checkpoint commit together (`store.atomic`); the same log gives the same content hash, whatever
 * the batches and the interleaving of partitions (`store.deterministic`); folding calls no model and no network
 * (`replay.silent`). Raising `version` builds a new folder beside the old one.
 */
export interface StoreDefinition<Reads = unknown> {
  readonly name: string
  readonly version: number
  readonly topics: readonly Topic[]
  /** Types it folds; the rest is not even decoded. */
  wants(type: EventType): boolean
  /** Also wants records that are no known event, to park them: true for the one store that keeps everything. */
  readonly strangers: boolean
  /** How long to gather records, and how many, before one commit: what a commit costs decides. */
  readonly gather: Gathering
  /** Its live builds write the same files, so that one has to end before another begins. */
  readonly sharesFiles?: boolean
  /** `live`: the build that queries see, not one beside it. */
  open(folder: string, as: { readonly live: boolean }): Promise<OpenStore<Reads>>
  /** For a process that does not own it; undefined where the engine lets one process in only. */
  openToRead?(folder: string): ReadOnlyStore<Reads>
}

export interface Gathering {
  readonly records: number
  /** Waits so long for more after the first; 0 passes on what is there. */
  readonly ms: number
  /** Passes on at once after a quiet time, and small batches no more often than this. */
  readonly restMs?: number
}

export interface ReadOnlyStore<Reads> {
  readonly reads: Reads
  checkpoints(): readonly StoredCheckpoint[]
  close(): void
}

export interface OpenStore<Reads = unknown> {
  /** What queries ask. */
  readonly reads: Reads
  checkpoints(): Promise<readonly StoredCheckpoint[]>
  /**
   * Folds events of one partition and commits them with the checkpoint. Nothing of it is visible when it throws.
   * Errors: `Poison` for an event that can never be folded, anything else for a fault that may pass.
   */
  fold(events: readonly Decoded[], checkpoint: StoredCheckpoint): Promise<void>
  /** Of everything committed, and the checkpoints of that very moment. */
  contentHash(): Promise<{ readonly hash: string; readonly checkpoints: readonly StoredCheckpoint[] }>
  close(): Promise<void>
}

/** An event whose handler fails, and always will: it is parked, and the fold goes on without it (R4). */
export class Poison extends Error {
  override readonly name = 'Poison'
  readonly offset: number

  constructor(offset: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.offset = offset
  }
}
