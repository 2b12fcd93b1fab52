/**
 * Writes packed frames to the log's file: one transaction, and so one sync, a call.
 *
 * Promise: all of a call is written or nothing, with the offsets the transaction gave. While another process writes it is
 * tried again until patience is over, without holding up the thread; others are told by the doorbell. Errors: `log.full`, `log.unavailable`,
 * `log.diverged` (nothing written), `append.outcome-unknown`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#processors/ports/failure.ts'
import type { Topic } from '#schemas/topics.ts'
import type { PackedFrame } from './frame.ts'
import type { Doorbell } from './doorbell.ts'
import { CommitError, type LogFile } from './log-file.ts'
import { isBusy, isFull, logFailure } from './sqlite-error.ts'
import type { TurnTaking } from './turn-taking.ts'

/** The frames of one partition, in order. */
export interface PartitionFrames {
  readonly topic: Topic
  readonly partition: number
  readonly frames: readonly PackedFrame[]
}

/** Another process writes: tried again after this long. A pause that lets it in is a little longer than that. */
const busyWaitMs = 1
const pauseMs = 2

/** One call at a time. */
export class FrameCommitter {
  readonly #file: LogFile
  readonly #turns: TurnTaking
  readonly #bell: Doorbell
  readonly #busyPatienceMs: number
  #pauseUntil = 0

  constructor(file: LogFile, options: { turns: TurnTaking; bell: Doorbell; busyPatienceMs: number }) {
    this.#file = file
    this.#turns = options.turns
    this.#bell = options.bell
    this.#busyPatienceMs = options.busyPatienceMs
  }

  /** The offset of the first record of each partition's frames. */
  async commit(partitions: readonly PartitionFrames[]): Promise<readonly number[]> {
    const pause = this.#pauseUntil - performance.now()
    if (pause > 0) await sleep(pause)
    let busySince: number | undefined
    for (;;) {
      try {
        const bases = this.#file.transaction(() =>
          partitions.map(({ topic, partition, frames }) => this.#file.append(topic, partition, frames)),
        )
        this.#bell.ring()
        if (this.#turns.isAwaited()) this.#pauseUntil = performance.now() + pauseMs
        return bases
      } catch (error) {
        busySince ??= performance.now()
        const isPatient = performance.now() - busySince < this.#busyPatienceMs
        if (!isPatient || !isBusy(causeOf(error))) throw this.#failureOf(error)
      }
      this.#turns.wait()
      await sleep(busyWaitMs)
    }
  }

  #failureOf(error: unknown): unknown {
    const cause = causeOf(error)
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
}

function causeOf(error: unknown): unknown {
  return error instanceof CommitError ? error.cause : error
}
