/**
 * The records of a partition that come next, held ready so that they can be looked at inside a transaction.
 *
 * Promise: what it shows is in order and without holes from where it began; a batch is fetched when the one before is
 * used up, so that memory stays small however far the log is ahead.
 */
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import type { Topic } from '#schemas/topics.ts'

const batchSize = 500

export class ReadAhead {
  readonly topic: Topic
  readonly partition: number
  /** Offset of the first record not passed yet. */
  next = 0
  #batch: readonly StoredRecord[] = []
  #at = 0
  #more: (() => void) | undefined

  constructor(topic: Topic, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Reads on from an offset until the signal aborts; `arrived` is called whenever there is something to see. */
  async run(log: EventLog, from: number, options: { signal: AbortSignal; arrived: () => void }): Promise<void> {
    const { signal, arrived } = options
    const wakeUp = (): void => this.#more?.()
    signal.addEventListener('abort', wakeUp)
    this.next = from
    const { topic, partition } = this
    try {
      for await (const batch of log.read({ topic, partition, offset: from }, { follow: true, batchSize, signal })) {
        this.#batch = batch
        this.#at = 0
        this.passTo(this.next)
        while (this.#at < this.#batch.length && !signal.aborted) {
          const passed = new Promise<void>((more) => (this.#more = more))
          arrived()
          await passed
        }
      }
    } finally {
      signal.removeEventListener('abort', wakeUp)
    }
  }

  /** The first record not passed, if it has been read. */
  peek(): StoredRecord | undefined {
    return this.#batch[this.#at]
  }

  /** Those read and not passed, from an offset on. */
  *from(offset: number): Iterable<StoredRecord> {
    for (let at = this.#at; at < this.#batch.length; at += 1) {
      const record = this.#batch[at] as StoredRecord
      if (record.offset >= offset) yield record
    }
  }

  /** Goes past every record before `offset`. */
  passTo(offset: number): void {
    while ((this.peek()?.offset ?? offset) < offset) this.#at += 1
    this.next = Math.max(this.next, offset)
    if (this.#at >= this.#batch.length) this.#more?.()
  }
}
