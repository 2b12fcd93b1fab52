/**
 * What an error of SQLite means to the embedded log and its work share.
 *
 * Source: primary result codes, https://sqlite.org/rescode.html
 */
import { Failure } from '#processors/ports/failure.ts'

/** Another process has the lock; the same is worth trying again at once. */
export function isBusy(error: unknown): boolean {
  return [5, 6, 15].includes(primaryCode(error))
}

export function isFull(error: unknown): boolean {
  return primaryCode(error) === 13
}

/** The error as a Failure that names the file; what is no error of SQLite is given back as it is. */
export function logFailure(error: unknown, path: string): unknown {
  if (error instanceof Failure) return error
  const code = primaryCode(error)
  switch (code) {
    case 0:
      return error
    case 5:
    case 6:
    case 15:
      return new Failure('log.unavailable', `${path}: another process keeps it locked`, {
        remedy: 'Stop the process that holds a transaction open on it, or try again.',
        cause: error,
      })
    case 11:
    case 26:
      return damaged(path, error)
    case 13:
      return new Failure('log.full', `${path}: the disk is full; nothing was written`, {
        remedy: 'Free some space and try again.',
        cause: error,
      })
    case 3:
    case 8:
    case 14:
      return new Failure('log.unavailable', `${path}: the file cannot be opened for writing`, {
        remedy: 'Check that its folder exists and that this user may write there.',
        cause: error,
      })
    case 7:
      return new Failure('log.unavailable', `${path}: there is no memory left`, {
        remedy: 'Give the process more memory.',
        cause: error,
      })
    case 22:
      return new Failure('log.full', `${path}: its file system takes no file so large; nothing was written`, {
        remedy: 'Move the log to another file system.',
        cause: error,
      })
    case 10:
      return new Failure('log.unavailable', `${path}: the disk reports an error`, {
        remedy: 'Check the disk.',
        cause: error,
      })
    default:
      return new Failure('internal', `${path}: ${error instanceof Error ? error.message : 'SQLite refuses'}`, {
        remedy: 'This is a fault of Lattice; please report it.',
        cause: error,
      })
  }
}

export function damaged(path: string, cause: unknown): Failure {
  return new Failure('log.damaged', `${path} is not an event log, or is damaged`, {
    remedy: 'Point LATTICE_LOG to another folder, or restore the file from a backup.',
    cause,
  })
}

/** 0 for what is no error of SQLite. */
function primaryCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0
}
