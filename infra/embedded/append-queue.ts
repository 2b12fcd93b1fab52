/**
 * Appends under way at the same time, put into one transaction and so one sync (group commit).
 *
 * Promise: calls are written in the order they came, each whole or not at all, with the offsets the transaction gave.
 * One transaction is under way at a time; those who come meanwhile share the next one.
 */
import { type NewRecord, partitionOf } from '#processors/ports/event-log.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import { FramePacker } from './frame.ts'
import type { FrameCommitter, PartitionFrames } from './frame-committer.ts'

interface Call {
  readonly topic: Topic
  readonly records: readonly NewRecord[]
  /** Offsets count from the first record packed for the partition, until the transaction says where that is. */
  readonly positions: { readonly topic: Topic; readonly partition: number; offset: number }[]
  readonly acknowledge: (positions: readonly Position[]) => void
  readonly fail: (error: unknown) => void
}

/** Records of one partition that are on the disk now, the first of them at `base`. */
export interface Committed {
  readonly topic: Topic
  readonly partition: number
  readonly base: number
  readonly records: readonly NewRecord[]
}

export class AppendQueue {
  readonly #partitions: (topic: Topic) => number
  readonly #committer: FrameCommitter
  readonly #committed: (committed: readonly Committed[]) => void
  #packed = new Packed()
  /** Memory of the transaction before, for the next one. */
  #spare = new Packed()
  /** From the first call of a transaction until it is acknowledged. */
  isCommitting = false
  #settled: (() => void)[] = []

  /** `committed` is called before the appends of a transaction are acknowledged. */
  constructor(options: {
    partitions: (topic: Topic) => number
    committer: FrameCommitter
    committed: (committed: readonly Committed[]) => void
  }) {
    this.#partitions = options.partitions
    this.#committer = options.committer
    this.#committed = options.committed
  }

  append(topic: Topic, records: readonly NewRecord[]): Promise<readonly Position[]> {
    const positions = this.#packed.add(topic, records, this.#partitions(topic))
    return new Promise((acknowledge, fail) => {
      const { calls } = this.#packed
      calls.push({ topic, records, positions, acknowledge, fail })
      if (calls.length === 1 && !this.isCommitting) this.#schedule()
    })
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    if (this.#packed.calls.length > 0 || this.isCommitting)
      await new Promise<void>((settle) => this.#settled.push(settle))
  }

  /** After this turn's other events, so that requests which came in together are written together. */
  #schedule(): void {
    this.isCommitting = true
    setImmediate(() => void this.#commit())
  }

  async #commit(): Promise<void> {
    const packed = this.#packed
    this.#packed = this.#spare
    this.#spare = packed
    const partitions = packed.frames()
    try {
      const bases = await this.#committer.commit(partitions)
      this.#acknowledge(packed, partitions, bases)
    } catch (error) {
      for (const { fail } of packed.calls) fail(error)
    }
    packed.clear()
    this.isCommitting = false
    if (this.#packed.calls.length > 0) this.#schedule()
    else for (const settle of this.#settled.splice(0)) settle()
  }

  #acknowledge({ calls }: Packed, partitions: readonly PartitionFrames[], bases: readonly number[]): void {
    const committed = partitions.map(({ topic, partition }, index) => ({
      topic,
      partition,
      base: bases[index] as number,
      records: [] as NewRecord[],
    }))
    for (const { topic, records, positions } of calls) {
      positions.forEach((at, index) => {
        const of = committed.find((one) => one.partition === at.partition && one.topic === topic)
        if (of === undefined) return
        at.offset += of.base
        of.records.push(records[index] as NewRecord)
      })
    }
    this.#committed(committed)
    for (const { positions, acknowledge } of calls) acknowledge(positions)
  }
}

/** Calls that share a transaction, and their records as frames. */
class Packed {
  calls: Call[] = []
  readonly #packers = new Map<Topic, FramePacker[]>()

  /** Where each record is among those packed for its partition. */
  add(topic: Topic, records: readonly NewRecord[], partitions: number): Call['positions'] {
    const packers = this.#packersOf(topic, partitions)
    return records.map((record) => {
      const partition = partitionOf(record.key, packers.length)
      const packer = packers[partition] as FramePacker
      packer.add(record)
      return { topic, partition, offset: packer.count - 1 }
    })
  }

  frames(): PartitionFrames[] {
    const partitions: PartitionFrames[] = []
    for (const [topic, packers] of this.#packers) {
      packers.forEach((packer, partition) => {
        if (packer.count > 0) partitions.push({ topic, partition, frames: packer.frames() })
      })
    }
    return partitions
  }

  clear(): void {
    this.calls = []
    for (const packers of this.#packers.values()) for (const packer of packers) packer.clear()
  }

  #packersOf(topic: Topic, partitions: number): FramePacker[] {
    const known = this.#packers.get(topic)
    if (known !== undefined) return known
    const packers = Array.from({ length: partitions }, () => new FramePacker())
    this.#packers.set(topic, packers)
    return packers
  }
}
