/**
 * Appends under way at the same time, put into one transaction and so one sync (group commit).
 *
 * Promise: calls are written in the order they came, each whole or not at all, with the offsets the transaction gave.
 * While another process writes they wait without holding up the thread, and those who come meanwhile join them.
 */
import { type NewRecord, partitionOf } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import { FramePacker } from './frame.ts'
import { CommitError, type LogFile } from './log-file.ts'
import { isBusy, isFull, logFailure } from './sqlite-error.ts'
import type { TurnTaking } from './turn-taking.ts'

/** Another process writes: tried again after this long. A pause that lets it in is a little longer than that. */
const busyWaitMs = 1
const pauseMs = 2

interface Call {
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

interface Written extends Committed {
  readonly records: NewRecord[]
}

export class AppendQueue {
  readonly #file: LogFile
  readonly #turns: TurnTaking
  readonly #busyPatienceMs: number
  readonly #committed: (committed: readonly Committed[]) => void
  readonly #packers = new Map<Topic, FramePacker[]>()
  #calls: Call[] = []
  #busySince: number | undefined
  #pauseUntil = 0
  #settled: (() => void)[] = []

  /** `committed` is called with each partition that has new records, before their appends are acknowledged. */
  constructor(
    file: LogFile,
    options: { turns: TurnTaking; busyPatienceMs: number; committed: (committed: readonly Committed[]) => void },
  ) {
    this.#file = file
    this.#turns = options.turns
    this.#busyPatienceMs = options.busyPatienceMs
    this.#committed = options.committed
  }

  append(topic: Topic, records: readonly NewRecord[]): Promise<readonly Position[]> {
    const packers = this.#packersOf(topic)
    const positions = records.map((record) => {
      const partition = partitionOf(record.key, packers.length)
      const packer = packers[partition] as FramePacker
      packer.add(record)
      return { topic, partition, offset: packer.count - 1 }
    })
    return new Promise((acknowledge, fail) => {
      this.#calls.push({ records, positions, acknowledge, fail })
      if (this.#calls.length === 1) this.#schedule()
    })
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    if (this.#calls.length > 0) await new Promise<void>((settle) => this.#settled.push(settle))
  }

  /** After this turn's other events, so that requests which came in together are written together. */
  #schedule(): void {
    const pause = this.#pauseUntil - performance.now()
    if (pause > 0) setTimeout(() => this.#flush(), pause)
    else setImmediate(() => this.#flush())
  }

  #flush(): void {
    let written: readonly Written[]
    try {
      written = this.#file.transaction(() => this.#write())
    } catch (error) {
      this.#failed(error)
      return
    }
    if (this.#turns.isAwaited()) this.#pauseUntil = performance.now() + pauseMs
    const calls = this.#reset()
    for (const { records, positions } of calls) {
      positions.forEach((at, index) => {
        const of = written.find(({ topic, partition }) => partition === at.partition && topic === at.topic)
        if (of === undefined) return
        at.offset += of.base
        of.records.push(records[index] as NewRecord)
      })
    }
    this.#committed(written)
    for (const { positions, acknowledge } of calls) acknowledge(positions)
  }

  #write(): Written[] {
    const written: Written[] = []
    for (const [topic, packers] of this.#packers) {
      packers.forEach((packer, partition) => {
        if (packer.count === 0) return
        written.push({ topic, partition, base: this.#file.append(topic, partition, packer.frames()), records: [] })
      })
    }
    return written
  }

  #failed(error: unknown): void {
    const cause = error instanceof CommitError ? error.cause : error
    if (isBusy(cause)) {
      this.#busySince ??= performance.now()
      const busyMs = performance.now() - this.#busySince
      if (busyMs < this.#busyPatienceMs) {
        this.#turns.wait()
        setTimeout(() => this.#flush(), busyWaitMs)
        return
      }
    }
    const failure = this.#failureOf(error, cause)
    for (const { fail } of this.#reset()) fail(failure)
  }

  #failureOf(error: unknown, cause: unknown): unknown {
    if (!(error instanceof CommitError) || isFull(cause) || isBusy(cause)) return logFailure(cause, this.#file.path)
    return new Failure(
      'append.outcome-unknown',
      `${this.#file.path}: the commit failed; the records may have been written`,
      {
        remedy: 'Check the disk, then send the same records again.',
        cause,
      },
    )
  }

  #reset(): Call[] {
    const calls = this.#calls
    this.#calls = []
    this.#busySince = undefined
    for (const packers of this.#packers.values()) for (const packer of packers) packer.clear()
    for (const settle of this.#settled.splice(0)) settle()
    return calls
  }

  #packersOf(topic: Topic): FramePacker[] {
    const known = this.#packers.get(topic)
    if (known !== undefined) return known
    const packers = Array.from({ length: this.#file.partitions(topic) }, () => new FramePacker())
    this.#packers.set(topic, packers)
    return packers
  }
}
