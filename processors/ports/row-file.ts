/**
 * A file of rows that others append to as well, and the note its one writer here keeps beside it (R15).
 *
 * Promise: a row goes in whole by one append, behind a newline where the file doesn't end in one; nothing is ever taken out
 * of the file, and it is opened anew each time, so that it may be moved away by whoever keeps it small. The note is replaced
 * whole. Errors: `store.stalled` for whatever the disk says.
 */
export interface RowFile {
  readonly path: string
  /** Bytes now; 0 where there is none. */
  sizeBytes(): number
  /** Appends each row by one write; resolves once they are on the disk. */
  append(rows: readonly string[]): Promise<void>
  /** The lines from a byte on, in order. */
  lines(from: number): AsyncIterable<string>
  /** What `keep` was given last; undefined where there is nothing to be read. */
  note(): string | undefined
  keep(note: string): void
}
