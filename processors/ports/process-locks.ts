/**
 * Locks that a kill frees at once and a pause does not (R9): an exclusive transaction on a lock file.
 *
 * Promise: at most one living process of this machine holds a name; nothing has to be cleaned up after a crash.
 */
export interface ProcessLocks {
  /** Takes the lock, or says undefined at once when another process (or another holder here) has it. */
  tryAcquire(name: string): { release(): void } | undefined
  /** Whether anybody holds it now. */
  isHeld(name: string): boolean
}
