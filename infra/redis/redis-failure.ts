/**
 * What an error of the client or of the server means to us: whether the command can have been carried out, whether
 * another try may help, and which named failure a caller gets.
 *
 * Promise: `unsent` and `refused` kinds are said only when the server surely did nothing.
 */
import { ReplyError } from 'ioredis'
import { tlsRemedy } from '#infra/tls/tls-trouble.ts'
import { Failure } from '#processors/ports/failure.ts'

export type Trouble =
  | 'unsent' // there was no connection to send on
  | 'cut' // sent, and the reply never came: it may have been carried out
  | 'not-now' // the server refused because of the state it is in; it passes
  | 'full' // out of memory or of disk: refused
  | 'forbidden' // wrong password or not permitted: refused, and trying again is useless
  | 'refused' // any other error reply

/** Thrown in place of sending when the connection is not up. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected'
}

export function troubleOf(error: unknown): Trouble {
  if (error instanceof NotConnected || isUnwritable(error)) return 'unsent'
  if (!isReply(error)) return 'cut'
  const { message } = error
  if (/\bOOM\b|No space left on device/.test(message)) return 'full'
  if (forbids(message)) return 'forbidden'
  if (/\b(LOADING|BUSY|MASTERDOWN|READONLY|TRYAGAIN|CLUSTERDOWN|MISCONF|NOREPLICAS)\b/.test(message)) return 'not-now'
  return 'refused'
}

function forbids(message: string): boolean {
  return /\b(NOPERM|NOAUTH|WRONGPASS)\b|invalid password/.test(message)
}

/** ioredis' own refusal to write on a connection that is just going down. */
function isUnwritable(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable")
}

/** An error the server answered with, as against one of the connection. */
export function isReply(error: unknown): error is Error {
  return error instanceof (ReplyError as new () => Error)
}

/** Whether it stays wrong until a person changes something: the password, or whom we trust. */
export function staysWrong(error: unknown): boolean {
  return isReply(error) ? troubleOf(error) === 'forbidden' : tlsRemedy(error) !== undefined
}

/** The failure for a command that was not carried out. */
export function failureOf(error: unknown, options: { readonly doing: string; readonly address: string }): Failure {
  const { doing, address } = options
  const reason = error instanceof Error ? error.message : String(error)
  const message = `${doing} failed on ${address}: ${reason}`
  switch (troubleOf(error)) {
    case 'full':
      return new Failure('log.full', message, {
        remedy: 'Give that Redis more memory (maxmemory) or disk.',
        cause: error,
      })
    case 'forbidden':
      return new Failure('log.unavailable', message, {
        remedy: forbiddenRemedy,
        cause: error,
      })
    case 'unsent':
    case 'cut':
      if (forbids(reason)) return new Failure('log.unavailable', message, { remedy: forbiddenRemedy, cause: error })
      return new Failure('log.unavailable', message, {
        remedy:
          tlsRemedy(error) ??
          (/ECONNREFUSED|ENOTFOUND/.test(reason)
            ? 'Check that Redis runs there and can be reached.'
            : 'Check that Redis runs there and can be reached: by rediss:// on an encrypted port, by redis:// on another.'),
        cause: error,
      })
    case 'not-now':
    case 'refused':
      return new Failure('log.unavailable', message, { remedy: remedyFor(reason), cause: error })
  }
}

const forbiddenRemedy =
  'Check the user and password in LATTICE_LOG (rediss://user:password@host:port, percent-encoded), and what that user may do.'

function remedyFor(reason: string): string {
  if (/\bREADONLY\b/.test(reason)) return 'It is a replica, which takes no writes: name its master in LATTICE_LOG.'
  if (/\bNOREPLICAS\b/.test(reason)) return 'Its min-replicas-to-write asks for replicas that are not there.'
  if (/\bWRONGTYPE\b/.test(reason)) return 'A key of the log holds something else now: bring it back from a backup.'
  return 'See the log of that Redis.'
}
