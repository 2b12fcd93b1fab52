/**
 * Virtual time, and who continues next.
 *
 * Promises: everything asynchronous in a simulation is an event here; between two events all microtasks have run, so
 * the order of events is the whole schedule. An event of a dead life never happens; one of a paused life waits.
 */
export interface Timer {
  cancel(): void
}

export type Ended = 'reached' | 'idle' | 'too many steps'

/** One incarnation of a process, from start to end or kill. */
export class Life {
  readonly name: string
  dead = false
  paused = false
  /** How many of its awaits have continued. */
  steps = 0
  readonly held: (() => void)[] = []

  constructor(name: string) {
    this.name = name
  }
}

interface Due {
  readonly at: number
  readonly order: number
  readonly life: Life | undefined
  run: (() => void) | undefined
}

export class Scheduler {
  /** Ms since the simulation began. */
  now = 0
  steps = 0
  /** Called before each step of a life; may kill or pause it. */
  beforeStep: (life: Life) => void = () => {}
  #order = 0
  readonly #heap: Due[] = []

  /** Runs `what` after `ms` of virtual time, as an await of that life continuing, or as the world's own doing. */
  after(ms: number, life: Life | undefined, run: () => void): Timer {
    const due: Due = { at: this.now + Math.max(0, ms), order: this.#order++, life, run }
    this.#push(due)
    return {
      cancel: () => {
        due.run = undefined
      },
    }
  }

  kill(life: Life): void {
    life.dead = true
    life.held.length = 0
  }

  unpause(life: Life): void {
    life.paused = false
    for (const run of life.held.splice(0)) this.after(0, life, run)
  }

  /** One event after the other until `goal`, looked at after each. */
  drive(goal: () => boolean, maxSteps: number): Promise<Ended> {
    const last = this.steps + maxSteps
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (goal()) return resolve('reached')
          if (this.steps >= last) return resolve('too many steps')
          if (!this.#one()) return resolve('idle')
        } catch (error) {
          return reject(error instanceof Error ? error : new Error('not an error', { cause: error }))
        }
        // The next tick comes when the microtasks are done, those that the microtasks make included.
        queueMicrotask(() => process.nextTick(step))
      }
      step()
    })
  }

  #one(): boolean {
    for (;;) {
      const due = this.#pop()
      if (due === undefined) return false
      this.now = Math.max(this.now, due.at)
      const { life, run } = due
      if (run === undefined || life?.dead === true) continue
      if (life !== undefined && !this.#mayGoOn(life, run)) continue
      this.steps += 1
      run()
      return true
    }
  }

  #mayGoOn(life: Life, run: () => void): boolean {
    if (!life.paused) {
      life.steps += 1
      this.beforeStep(life)
    }
    if (life.paused && !life.dead) life.held.push(run)
    return !life.dead && !life.paused
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.push(due) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(due, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = due
  }

  #pop(): Due | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
