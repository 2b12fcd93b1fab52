/**
 * What an error of DuckDB means to a store or to who asked: DuckDB tells its errors apart in the text alone.
 */
import { Failure, type FailureCode } from '#processors/ports/failure.ts'

const meanings: readonly { text: RegExp; code: FailureCode; message: string; remedy: string }[] = [
  {
    text: /Could not set lock on file/,
    code: 'store.locked',
    message: 'another process has it open',
    remedy: 'Stop the other process, or ask it.',
  },
  {
    text: /trying to read a database file with version number|created with a newer|storage version/,
    code: 'store.newer',
    message: 'the file was written by a newer version',
    remedy: 'Use that version, or rebuild the store.',
  },
  {
    text: /not a valid DuckDB database|corrupt|Failure while replaying WAL/i,
    code: 'store.rebuild-required',
    message: 'the file is damaged',
    remedy: 'Rebuild the store.',
  },
  { text: /INTERRUPT/, code: 'query.stopped', message: 'the query was stopped', remedy: 'Ask again.' },
  {
    text: /No space left on device|Disk quota exceeded|failed to offload data block/,
    code: 'store.stalled',
    message: 'the disk is full',
    remedy: 'Free some space.',
  },
  {
    text: /Out of Memory Error/,
    code: 'store.stalled',
    message: 'the memory it may use is not enough',
    remedy: 'Give the warehouse more memory.',
  },
  {
    text: /IO Error|Could not (write|read)/,
    code: 'store.stalled',
    message: 'the disk reports an error',
    remedy: 'Check the disk.',
  },
]

export function duckdbFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof Failure) return error
  const meaning = meanings.find(({ text }) => text.test(error.message))
  if (meaning === undefined) return error
  return new Failure(meaning.code, `${path}: ${meaning.message}`, { remedy: meaning.remedy, cause: error })
}

/**
 * Whether the database refuses everything from now on until it is opened again, as after a failed checkpoint. How much
 * it may put on the disk for a while it measures once: on a disk that was full then, nothing for ever.
 */
export function isInvalidated(error: unknown): boolean {
  return (
    error instanceof Error &&
    /FATAL Error|INTERNAL Error|has been invalidated|failed to offload data block/.test(error.message)
  )
}
