/**
 * Files for people and tools, written as a fold: append to a file at a known length, or replace it whole.
 *
 * Promise (`store.atomic`): each file's committed length is kept with the checkpoint; bytes beyond it are cut off before
 * the next append, so a kill at any moment leaves files that a re-fold completes to the same bytes.
 */
export interface FolderStore {
  /** Bytes to add at the end of `path` (relative, '/'-separated, inside the root). Errors: `request.invalid` for a path. */
  append(path: string, bytes: string | Uint8Array): void
  /** The whole content of `path`. */
  replace(path: string, bytes: string | Uint8Array): void
  /**
   * Writes what was given since the last commit and then the checkpoints. Errors: `store.stalled` (what was given is
   * kept, so the same commit may be tried again), `store.rebuild-required` when a file is shorter than it was committed.
   */
  commit(checkpoints: readonly { topic: string; partition: number; next: number; lastId: string }[]): void
  rollback(): void
  checkpoints(): readonly { topic: string; partition: number; next: number; lastId: string }[]
  /** Committed files with their lengths in bytes, sorted by path. */
  files(): Iterable<{ path: string; sizeBytes: number }>
  /** A small fact kept with the checkpoint, such as what a later event of the same run needs. */
  note(key: string, value: string | undefined): void
  noted(key: string): string | undefined
  /** Hash of all files up to their committed lengths, 32 hex digits; the same in any build of the same files. */
  contentHash(): string
  close(): void
}
