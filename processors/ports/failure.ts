/**
 * Every error a caller may branch on: a closed union of codes, each with what the caller can do about it.
 *
 * Promise: `message` and `remedy` never hold a secret; the raw cause stays in `cause`, which is not shown to users.
 */
export type FailureCode =
  // the log
  | 'log.unavailable' // cannot be reached now; try again
  | 'log.full' // the disk or memory behind it is full; nothing was written
  | 'log.diverged' // not the history the checkpoint stands on (R5)
  | 'log.trimmed' // records the reader needs are gone (R5)
  | 'log.other' // a position of another log (R11)
  | 'log.gap' // a hole in a partition's offsets
  | 'log.unsafe' // a server setting that would lose events
  | 'log.newer' // written by a newer version of this program
  | 'log.damaged' // no log of ours, or a broken one; restore a backup
  | 'log.closed'
  | 'append.outcome-unknown' // may or may not be in the log; resend the same records (R6)
  | 'record.too-large'
  // stores
  | 'store.locked' // another process owns it
  | 'store.stalled' // an I/O error; the store waits and says so (R4)
  | 'store.newer'
  | 'store.unknown'
  | 'store.rebuild-required'
  | 'query.stopped' // took more time or memory than it may
  | 'position.not-reached'
  | 'position.invalid'
  // events and schemas
  | 'event.undecodable'
  | 'event.unknown'
  | 'schema.incompatible'
  | 'schema.unavailable'
  | 'object.missing'
  // requests
  | 'request.invalid'
  | 'request.too-large'
  | 'auth.required'
  | 'idempotency.conflict' // same key, another body
  | 'run.unknown'
  | 'run.open'
  | 'run.closed'
  | 'letter.unknown'
  | 'letter.settled' // resubmitted or discarded before
  | 'roster.unconfigured'
  | 'roster.unavailable' // its file can't be read now
  | 'settings.invalid'
  | 'provider.unconfigured'
  | 'model.unknown' // no provider that can be asked has a model of that name
  | 'budget.spent' // no money left for the call (R12)
  | 'budget.unpriced' // a budget counts the call, and nobody knows the most it may cost
  | 'budget.unavailable' // nobody granted the money in time; try again
  | 'server.closing' // whoever answers is being stopped; ask again
  | 'internal'

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  /** One sentence: what the caller can do. */
  readonly remedy: string

  constructor(code: FailureCode, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.remedy = options.remedy ?? ''
  }
}

export function isFailure(error: unknown, code?: FailureCode): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code)
}
