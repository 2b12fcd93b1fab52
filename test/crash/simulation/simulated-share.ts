/**
 * A work share that promises as little as the real ones: each record reaches a worker, perhaps several, in no order.
 *
 * Promise: a record whose worker is gone, or silent for longer than its lease, is offered again; `done` may be lost with
 * the process that called it.
 */
import type { StoredRecord } from '#processors/ports/event-log.ts'
import type { Delivery, TakeOptions, WorkShare } from '#processors/ports/work-share.ts'
import type { Position } from '#schemas/position.ts'
import type { Random } from './random.ts'
import type { Life, Scheduler } from './scheduler.ts'

export interface SimulatedShare {
  of(life: Life): WorkShare
  /** A record that is to be shared out; called as it is written. */
  offer(position: Position, record: StoredRecord): void
  /** Records not finished yet. */
  unfinished(): number
}

interface Task {
  readonly position: Position
  readonly record: StoredRecord
  finished: boolean
  deliveries: number
}

interface Taker {
  readonly life: Life
  readonly options: TakeOptions
  readonly queue: Delivery[]
  open: number
  wake: () => void
}

export function simulatedShare(given: {
  scheduler: Scheduler
  random: Random
  latency: () => number
  duplicates: () => number
}): SimulatedShare {
  const { scheduler, random, latency } = given
  const tasks: Task[] = []
  const takers = new Set<Taker>()

  function hand(task: Task): void {
    if (task.finished) return
    const able = [...takers].filter(
      ({ life, options, open }) => !life.dead && !options.signal.aborted && open < options.window,
    )
    if (able.length === 0) return void scheduler.after(1000, undefined, () => hand(task))
    const taker = random.pick(able)
    taker.open += 1
    let open = true
    const close = (): void => {
      if (open) taker.open -= 1
      open = false
    }
    taker.queue.push({
      record: task.record,
      position: task.position,
      redelivered: task.deliveries > 0,
      done: () =>
        new Promise((resolve) => {
          scheduler.after(latency(), taker.life, () => {
            task.finished = true
            close()
            resolve()
          })
        }),
      release: () => {
        if (open) scheduler.after(taker.options.leaseMs ?? 30_000, undefined, () => hand(task))
        close()
        return Promise.resolve()
      },
    })
    task.deliveries += 1
    taker.wake()
    if (random.chance(given.duplicates()))
      scheduler.after(random.pick([latency(), random.between(0, 10_000)]), undefined, () => hand(task))
    watch(task, taker, { close, isReleased: () => !open })
  }

  /** A worker that lives and runs keeps its records; one that is gone or paused loses them. */
  function watch(
    task: Task,
    taker: Taker,
    { close, isReleased }: { close: () => void; isReleased: () => boolean },
  ): void {
    scheduler.after(taker.options.leaseMs ?? 30_000, undefined, () => {
      const { life, options } = taker
      if (task.finished || isReleased()) return close()
      if (!life.dead && !life.paused && !options.signal.aborted) return watch(task, taker, { close, isReleased })
      close()
      hand(task)
    })
  }

  async function* take(life: Life, options: TakeOptions): AsyncGenerator<Delivery> {
    const taker: Taker = { life, options, queue: [], open: 0, wake: () => {} }
    takers.add(taker)
    const { signal } = options
    signal.addEventListener('abort', () => taker.wake(), { once: true })
    while (!signal.aborted) {
      const delivery = taker.queue.shift()
      if (delivery === undefined) await new Promise<void>((resolve) => (taker.wake = resolve))
      else {
        await new Promise<void>((resolve) => scheduler.after(latency(), life, resolve))
        yield delivery
      }
    }
    takers.delete(taker)
  }

  return {
    of: (life) => ({
      take: (_topic, _group, options) => take(life, options),
      backlog: () => Promise.resolve({ waiting: 0, taken: tasks.filter((task) => !task.finished).length }),
      close: () => Promise.resolve(),
    }),
    offer(position, record) {
      const task = { position, record, finished: false, deliveries: 0 }
      tasks.push(task)
      scheduler.after(latency(), undefined, () => hand(task))
    },
    unfinished: () => tasks.filter((task) => !task.finished).length,
  }
}
