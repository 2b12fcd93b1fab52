/**
 * How long an unreachable log is asked again before its caller hears of it.
 *
 * Promise: waits grow and are jittered; an aborted signal ends one at once. When the time is over, the last reason is
 * thrown as `log.unavailable`; a Failure is never waited for, because it says what only a person can change.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '#processors/ports/failure.ts'
import { messageOf } from './connection.ts'

const FIRST_MS = 25
const LONGEST_MS = 1_000

export class Patience {
  #deadline: number
  readonly #signal: AbortSignal | undefined
  #nextMs = FIRST_MS

  constructor(patienceMs: number, signal?: AbortSignal) {
    this.#deadline = performance.now() + patienceMs
    this.#signal = signal
  }

  get leftMs(): number {
    return this.#deadline - performance.now()
  }

  get exhausted(): boolean {
    return this.leftMs <= 0
  }

  /** Leaves at most this much from now on. */
  shorten(leftMs: number): void {
    this.#deadline = Math.min(this.#deadline, performance.now() + leftMs)
  }

  /** Throws when the time is over, whatever is under way; returns when the signal aborts first. */
  async over(done: AbortSignal): Promise<void> {
    while (!this.exhausted) {
      const waitMs = Math.min(this.leftMs, LONGEST_MS)
      await sleep(waitMs, undefined, { signal: done, ref: false }).catch(() => {})
      if (done.aborted) return
    }
    throw unavailable(new Error('no answer in time'))
  }

  /** Waits before the next attempt, or throws when there is no time for one. */
  async wait(reason: unknown): Promise<void> {
    if (reason instanceof Failure) throw reason
    if (this.exhausted) throw unavailable(reason)
    const waitMs = Math.min(this.#nextMs * (0.75 + Math.random() / 2), this.leftMs)
    this.#nextMs = Math.min(this.#nextMs * 2, LONGEST_MS)
    await sleep(waitMs, undefined, this.#signal === undefined ? {} : { signal: this.#signal }).catch(() => {})
  }
}

export function unavailable(reason: unknown): Failure {
  // What it stands for is said once.
  if (reason instanceof Failure && reason.code === 'log.unavailable') return reason
  const remedy = reason instanceof Error && 'remedy' in reason ? (reason.remedy as string | undefined) : undefined
  return new Failure('log.unavailable', `Kafka cannot be reached: ${messageOf(reason)}`, {
    remedy:
      remedy ??
      'Check that the brokers run and that the address is right: kafka+ssl:// for an encrypted port, and a user where it asks for one.',
    cause: reason,
  })
}

export function closed(): Failure {
  return new Failure('log.closed', 'the log is closed')
}
