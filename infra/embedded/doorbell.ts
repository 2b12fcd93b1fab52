/**
 * Wakes those who wait for another process to write: a file that a writer touches and a waiter watches.
 *
 * Promise: a ring is heard within milliseconds where the system can watch files; where it can't, a slow look finds what
 * was written within `lookEveryMs`, and a ring that was missed all the same within `watchedLookEveryMs`. While nobody
 * listens it costs nothing; ringing costs one system call, and needs no room on the disk. Whoever rings again and again is
 * heard every `ringEveryMs`, the last time after its last ring. The file holds nothing and may be deleted at any time.
 */
import { type FSWatcher, closeSync, futimesSync, openSync, watch } from 'node:fs'

export const lookEveryMs = 250
/** A server at rest has a log in each of its threads: four looks a second in each are CPU for nothing. */
const watchedLookEveryMs = 1_000
/** Each ring wakes every listener, and a busy writer commits hundreds of times a second. */
const ringEveryMs = 5

export class Doorbell {
  readonly #path: string
  readonly #heard: () => void
  #bell: number | undefined
  #rungAt = -Infinity
  #ringSoon: NodeJS.Timeout | undefined
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #listeners = 0
  #closed = false

  /** `heard` is called at a ring, and at each slow look, while somebody listens. */
  constructor(path: string, heard: () => void) {
    this.#path = path
    this.#heard = heard
  }

  ring(): void {
    if (this.#ringSoon !== undefined) return
    const waitMs = this.#rungAt + ringEveryMs - performance.now()
    if (waitMs <= 0) this.#ringNow()
    else this.#ringSoon = setTimeout(() => this.#ringNow(), waitMs)
  }

  #ringNow(): void {
    clearTimeout(this.#ringSoon)
    this.#ringSoon = undefined
    this.#rungAt = performance.now()
    try {
      this.#bell ??= openSync(this.#path, 'a')
      const now = new Date()
      futimesSync(this.#bell, now, now)
    } catch {
      // The slow look finds it: a full disk or a deleted folder must not fail an append that is acknowledged.
      this.#hangUp()
    }
  }

  /** Listens until the returned function is called. Keeps the process alive meanwhile, as waiting on a socket would. */
  listen(): () => void {
    this.#listeners += 1
    if (this.#listeners === 1) this.#start()
    let listening = true
    return () => {
      if (!listening) return
      listening = false
      this.#listeners -= 1
      if (this.#listeners === 0) this.#stop()
    }
  }

  close(): void {
    this.#closed = true
    if (this.#ringSoon !== undefined) this.#ringNow()
    this.#stop()
    this.#hangUp()
  }

  #start(): void {
    if (this.#closed) return
    try {
      closeSync(openSync(this.#path, 'a'))
      this.#watcher = watch(this.#path, (event) => {
        // Deleted or replaced: others may ring at a file that is no longer this one.
        if (event === 'rename') this.#lookOnly()
        this.#heard()
      })
      this.#watcher.on('error', () => this.#lookOnly())
      this.#lookEvery(watchedLookEveryMs)
    } catch {
      // Too many watches, or a file system that has none.
      this.#lookOnly()
    }
  }

  #lookOnly(): void {
    this.#stop()
    if (this.#listeners > 0 && !this.#closed) this.#lookEvery(lookEveryMs)
  }

  #lookEvery(everyMs: number): void {
    this.#timer = setInterval(this.#heard, everyMs)
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#watcher?.close()
    this.#watcher = undefined
  }

  #hangUp(): void {
    if (this.#bell !== undefined) closeSync(this.#bell)
    this.#bell = undefined
  }
}
