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
  /** Offsets count from the first record packed for the partition, until the transaction says where that is. */
  readonly positions: { readonly topic: Topic; readonly partition: number; offset: number }[]
  readonly acknowledge: (positions: readonly Position[]) => void
  readonly fail: (error: unknown) => void
}

export class AppendQueue {
  readonly #file: LogFile
  readonly #turns: TurnTaking
  readonly #busyPatienceMs: number
  readonly #committed: (topic: Topic, partition: number) => void
  readonly #packers = new Map<Topic, FramePacker[]>()
  #calls: Call[] = []
  #busySince: number | undefined
  #pauseUntil = 0
  #settled: (() => void)[] = []

  /** `committed` is called for each partition that has new records, before their appends are acknowledged. */
  constructor(
    file: LogFile,
    options: { turns: TurnTaking; busyPatienceMs: number; committed: (topic: Topic, partition: number) => void },
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
      this.#calls.push({ positions, acknowledge, fail })
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
    let bases: ReadonlyMap<Topic, readonly number[]>
    try {
      bases = this.#file.transaction(() => this.#write())
    } catch (error) {
      this.#failed(error)
      return
    }
    if (this.#turns.isAwaited()) this.#pauseUntil = performance.now() + pauseMs
    const calls = this.#reset()
    for (const [topic, offsets] of bases) offsets.forEach((_, partition) => this.#committed(topic, partition))
    for (const { positions, acknowledge } of calls) {
      for (const at of positions) at.offset += bases.get(at.topic)?.[at.partition] as number
      acknowledge(positions)
    }
  }

  /** Where the packed records of each partition begin. */
  #write(): Map<Topic, number[]> {
    const bases = new Map<Topic, number[]>()
    for (const [topic, packers] of this.#packers) {
      const offsets: number[] = []
      packers.forEach((packer, partition) => {
        if (packer.count > 0) offsets[partition] = this.#file.append(topic, partition, packer.frames())
      })
      if (offsets.length > 0) bases.set(topic, offsets)
    }
    return bases
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
