/**
 * Those who wait for the next record of a partition.
 *
 * Promise: no wake is lost: `newsAfter` returns at once when something came after the count it is given was taken.
 */
export class Follower {
  readonly topic: string
  readonly partition: number
  /** Goes up with every wake. */
  news = 0
  /** There may be more than this process has written: the file must be asked. */
  mustLook = true
  #wake: (() => void) | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  wake(): void {
    this.news += 1
    this.#wake?.()
  }

  async newsAfter(count: number): Promise<void> {
    if (this.news !== count) return
    await new Promise<void>((wake) => (this.#wake = wake))
    this.#wake = undefined
  }
}

export class Followers {
  readonly #waiting = new Set<Follower>()
  readonly #versions = new Map<string, string>()

  /** A follower that the signal wakes too. `listen` is called while it is there, and what it returned afterwards. */
  add(
    topic: string,
    partition: number,
    options: { signal: AbortSignal | undefined; listen: () => () => void },
  ): { follower: Follower; remove: () => void } {
    const { signal, listen } = options
    const follower = new Follower(topic, partition)
    const onAbort = (): void => follower.wake()
    signal?.addEventListener('abort', onAbort)
    this.#waiting.add(follower)
    const stopListening = listen()
    const remove = (): void => {
      stopListening()
      signal?.removeEventListener('abort', onAbort)
      this.#waiting.delete(follower)
    }
    return { follower, remove }
  }

  has(topic: string, partition: number): boolean {
    for (const follower of this.#waiting) {
      if (follower.topic === topic && follower.partition === partition) return true
    }
    return false
  }

  /** This process has written there. */
  wake(topic: string, partition: number): void {
    for (const follower of this.#waiting) {
      if (follower.topic === topic && follower.partition === partition) follower.wake()
    }
  }

  wakeAll(): void {
    for (const follower of this.#waiting) wakeToLook(follower)
  }

  /** Wakes those whose partition changed under another process: `versionOf` is asked once a partition that somebody waits for. */
  wakeChanged(versionOf: (topic: string, partition: number) => string): void {
    const changed = new Map<string, boolean>()
    for (const follower of this.#waiting) {
      const { topic, partition } = follower
      const name = `${topic}/${partition}`
      let isChanged = changed.get(name)
      if (isChanged === undefined) {
        const version = versionOf(topic, partition)
        isChanged = this.#versions.get(name) !== version
        this.#versions.set(name, version)
        changed.set(name, isChanged)
      }
      if (isChanged) wakeToLook(follower)
    }
  }
}

function wakeToLook(follower: Follower): void {
  follower.mustLook = true
  follower.wake()
}
