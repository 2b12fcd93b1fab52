/**
 * Writers of several processes let each other in.
 *
 * A writer with much to do leaves SQLite's lock free for some 50 µs between two transactions, and another that looks
 * each millisecond may miss that for most of a second (measured). So whoever waits touches a file, and whoever sees it
 * touched lately pauses for a moment after its own transaction. The file may be deleted at any time.
 */
import { closeSync, openSync, statSync, utimesSync } from 'node:fs'

/** For so long a sign counts. */
const lateMs = 50
/** How often one who goes on waiting says so again. */
const againMs = 20

export class TurnTaking {
  readonly #path: string
  #saidAt = -Infinity

  constructor(path: string) {
    this.#path = path
  }

  /** Says that this process waits. */
  wait(): void {
    if (performance.now() - this.#saidAt < againMs) return
    this.#saidAt = performance.now()
    const now = new Date()
    try {
      utimesSync(this.#path, now, now)
    } catch {
      this.#create()
    }
  }

  /** Whether some process has waited lately, perhaps this one. */
  isAwaited(): boolean {
    const touched = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs
    return touched !== undefined && Math.abs(Date.now() - touched) < lateMs
  }

  #create(): void {
    try {
      closeSync(openSync(this.#path, 'a'))
    } catch {
      // A full disk or a folder that is gone: waiting takes longer, that is all.
    }
  }
}
