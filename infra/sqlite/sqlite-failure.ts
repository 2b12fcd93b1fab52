/**
 * What an error of SQLite means to a store: wait (the disk), give way (another process), build anew (damage), or a
 * fault of ours, which is passed on as it is.
 */
import { Failure, type FailureCode } from '#processors/ports/failure.ts'

/** Primary result codes, https://sqlite.org/rescode.html; those left out are faults of ours. */
const meanings: Readonly<Record<number, { code: FailureCode; message: string; remedy: string }>> = {
  3: { code: 'store.stalled', message: 'the file may not be opened', remedy: 'Check its permissions.' },
  5: { code: 'store.locked', message: 'another process is writing', remedy: 'Try again, or stop the other process.' },
  6: { code: 'store.locked', message: 'another connection is writing', remedy: 'Try again.' },
  7: { code: 'store.stalled', message: 'there is no memory left', remedy: 'Give the process more memory.' },
  8: {
    code: 'store.stalled',
    message: 'the file cannot be written',
    remedy: 'Check its permissions and its file system.',
  },
  10: { code: 'store.stalled', message: 'the disk reports an error', remedy: 'Check the disk.' },
  11: { code: 'store.rebuild-required', message: 'the file is damaged', remedy: 'Rebuild the store.' },
  13: { code: 'store.stalled', message: 'the disk is full', remedy: 'Free some space.' },
  14: {
    code: 'store.stalled',
    message: 'the file cannot be opened',
    remedy: 'Check that its folder exists and is writable.',
  },
  15: { code: 'store.locked', message: 'other processes are opening it', remedy: 'Try again.' },
  17: { code: 'store.locked', message: 'another process changed its tables just now', remedy: 'Try again.' },
  22: {
    code: 'store.stalled',
    message: 'its file system takes no file so large',
    remedy: 'Move LATTICE_DATA to another file system.',
  },
  26: { code: 'store.rebuild-required', message: 'the file is not a database', remedy: 'Rebuild the store.' },
}

export function sqliteFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error
  const meaning = meanings[error.errcode & 0xff]
  if (meaning === undefined) return error
  return new Failure(meaning.code, `${path}: ${meaning.message}`, { remedy: meaning.remedy, cause: error })
}
