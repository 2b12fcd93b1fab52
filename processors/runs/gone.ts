import { isFailure } from '#processors/ports/failure.ts'

/**
 * Why nobody waits for a run's answer any more, told by the signal's own reason.
 *
 * Promise: a server that is being stopped is no caller who has left. The one gives the run up, so that it may be asked for
 * again; the other cancels it.
 */
export function isClosing(gone: AbortSignal | undefined): boolean {
  return isFailure(gone?.reason, 'server.closing')
}

export function hasLeft(gone: AbortSignal | undefined): boolean {
  return gone?.aborted === true && !isClosing(gone)
}
