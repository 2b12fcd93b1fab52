/**
 * Those who wait for something to change, woken all at once; each looks again for itself.
 */
export class Waiters {
  readonly #waiting = new Set<() => void>()

  /** Resolves at the next `wake`, or when the signal aborts. */
  wait(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const woken = () => {
        this.#waiting.delete(woken)
        signal?.removeEventListener('abort', woken)
        resolve()
      }
      this.#waiting.add(woken)
      signal?.addEventListener('abort', woken)
    })
  }

  get size(): number {
    return this.#waiting.size
  }

  wake(): void {
    for (const woken of this.#waiting) woken()
  }
}
