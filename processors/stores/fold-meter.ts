import type { Clock } from '#processors/ports/clock.ts'
import type { StoredCheckpoint } from '#processors/ports/column-store.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Report } from '#processors/ports/report.ts'
import type { Topic } from '#schemas/topics.ts'

/**
 * How far a store has folded, and how far the log has grown beyond it, as `store.folded`.
 *
 * Promise: at most once a second a partition, and once after the last fold, so that what was said last is true; a store
 * that has nothing to fold asks the log nothing and sets no timer.
 */
export interface FoldMeter {
  /** Where the fold begins, or has come to with a commit. */
  moved(at: StoredCheckpoint): void
  /** Nothing moves, but the log may: tells every partition's lag again. */
  waits(): void
}

const pauseMs = 1000

interface Partition {
  readonly topic: Topic
  readonly partition: number
  next: number
  /** `next` when it was told last. */
  told: number
  /** Undefined until it was told once. */
  end: number | undefined
  due: boolean
}

export function createFoldMeter(
  store: { readonly name: string; readonly topics: readonly Topic[] },
  given: { readonly log: EventLog; readonly clock: Clock; readonly report: Report; readonly signal: AbortSignal },
  begins: readonly StoredCheckpoint[],
): FoldMeter {
  const { log, clock, report, signal } = given
  const partitions = new Map<string, Partition>()
  for (const topic of store.topics) {
    for (let partition = 0; partition < log.partitions(topic); partition++) {
      const next = begins.find((at) => at.topic === topic && at.partition === partition)?.next ?? 0
      partitions.set(`${topic}:${partition}`, { topic, partition, next, told: next, end: undefined, due: true })
    }
  }
  let timed = false

  function soon(): void {
    if (timed || signal.aborted) return
    timed = true
    void clock.sleep(pauseMs, signal).then(async () => {
      if (!signal.aborted) await tell()
      timed = false
      // What moved while the log was asked.
      if ([...partitions.values()].some(({ due }) => due)) soon()
    })
  }

  async function tell(): Promise<void> {
    const due = [...partitions.values()].filter((one) => one.due)
    for (const one of due) one.due = false
    await Promise.all(
      [...new Set(due.map(({ topic }) => topic))].map(async (topic) => {
        // A log that does not answer now: the end known last stands until the next fold.
        const bounds = await log.bounds(topic).catch(() => [])
        if (signal.aborted) return
        for (const one of due) {
          if (one.topic !== topic) continue
          const end = bounds.find(({ partition }) => partition === one.partition)?.next ?? one.end ?? one.next
          tellOne(one, Math.max(end, one.next))
        }
      }),
    )
  }

  function tellOne(one: Partition, end: number): void {
    const { topic, partition, next } = one
    const records = next - one.told
    one.told = next
    one.end = end
    report({ signal: 'store.folded', store: store.name, topic, partition, next, end, records })
  }

  soon()
  return {
    moved({ topic, partition, next }) {
      const one = partitions.get(`${topic}:${partition}`)
      if (one === undefined) return
      one.next = next
      one.due = true
      soon()
    },
    waits() {
      for (const one of partitions.values()) one.due = true
      soon()
    },
  }
}
