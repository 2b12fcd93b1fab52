import type { Journal, PreparedEvent } from '#processors/journal/journal.ts'
import { isControl } from '#processors/journal/referee.ts'
import type { Judged, RunFeed } from '#processors/journal/run-feed.ts'
import { type Clock, elapsedMs } from '#processors/ports/clock.ts'
import { mayPass } from '#processors/ports/event-log.ts'
import type { Report } from '#processors/ports/report.ts'
import type { AnyNewEvent, EventData } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import { chainOf } from '#schemas/wire/headers.ts'
import { closeFailed } from './close-failed.ts'
import { decide, whileClosing, whileResting } from './decide.ts'
import { evolve } from './evolve.ts'
import { hasLeft, isClosing } from './gone.ts'
import { bounds } from './limits.ts'
import type { Head, KnownRun } from './known-run.ts'
import { lostAttempt, noVerdict, refused } from './missing-results.ts'
import type { RunState, Step } from './run.ts'
import type { Reservation, Steps } from './steps.ts'
import { attemptIn, traceparentAt } from './trace-context.ts'

/**
 * Carries a run out: asks `decide`, performs the step, appends what happened, until the run is done.
 *
 * Promises: nothing is called before `run.started` or `run.resumed` is read back as accepted, no outcome is told before it
 * is (`run.single`); a run nobody else can own, that claims no verdict, reads nothing back. An owner that sees a foreign
 * accepted event stops. When appending fails, the same records are appended again, and nothing new is started
 * (`run.resumes`). Consecutive events go in one append. Every step ends: by itself, the deadline or its own bound (R9).
 */
export interface CarryOutPorts {
  readonly journal: Journal
  readonly feed: RunFeed
  readonly steps: Steps
  readonly clock: Clock
  readonly report: Report
  /** Asks for the money of a call while `attempt.started` is appended (R12); without it every call is granted. */
  readonly reserve?: (run: RunState, started: EventData['attempt.started'], signal: AbortSignal) => Promise<Reservation>
  /** This process, as it stands in `run.started`. */
  readonly worker: string
}

export type CarriedOut =
  | { readonly is: 'done'; readonly state: RunState; readonly position: Position }
  /** Another owner's event counts: this one must stop and forget. */
  | { readonly is: 'lost' }
  /** Told to stop before the run was done; it can be resumed. */
  | { readonly is: 'stopped' }

const tryAppendMs = 30_000
const retryAppendMs = 250
const atOnceMs = 1_000
/** How long somebody who waits for the answer is kept waiting for a log that takes nothing. */
const patienceMs = 10_000

export async function carryOut(known: KnownRun, ports: CarryOutPorts, signal: AbortSignal): Promise<CarriedOut> {
  const run = new OwnedRun(known, ports, signal)
  const began = ports.clock.monotonic()
  try {
    const position = await run.toTheEnd()
    const { state } = run
    ports.report({
      signal: 'run.completed',
      runId: state.runId,
      kind: state.spec.kind,
      outcome: state.outcome ?? 'failed',
      attempts: state.attempts.length,
      durationMs: ports.clock.monotonic() - began,
    })
    return { is: 'done', state, position }
  } catch (error) {
    if (error === lost) {
      ports.report({ signal: 'run.lost', runId: known.state.runId, reason: 'another owner went on' })
      return { is: 'lost' }
    }
    await run.keepWhatHappened(error)
    if (error === stopped || signal.aborted) return { is: 'stopped' }
    return await closeFailed(run.state, error, ports)
  } finally {
    run.leave()
  }
}

const lost = new Error('another owner’s event counts')
const stopped = new Error('told to stop')
const over = new Error('of no more use')

class OwnedRun {
  state: RunState
  readonly #ports: CarryOutPorts
  readonly #signal: AbortSignal
  /** Aborted when what is under way is of no more use: cancelled, lost or stopped. Nothing is called afterwards. */
  readonly #interrupt = new AbortController()
  #head: Head
  /** Up to here the run's history was known; the feed may still have to come to it. */
  readonly #knownSeq: number
  /** Claims no verdict and can have no other owner: nothing is read back (R1). */
  readonly #alone: boolean
  readonly #gone: AbortSignal | undefined
  #pending: PreparedEvent[] = []
  #lastPosition: Position | undefined
  readonly #own = new Set<string>()
  readonly #seen = new Set<string>()
  #foreign = false
  readonly #beganMs: number
  readonly leave: () => void

  constructor(known: KnownRun, ports: CarryOutPorts, signal: AbortSignal) {
    this.state = known.state
    this.#head = known.head
    this.#knownSeq = known.head.seq
    this.#alone = known.submission !== undefined && known.state.spec.validator === null
    if (known.submission !== undefined) {
      this.#pending.push(known.submission)
      this.#own.add(known.head.id)
    } else if (ports.feed.chain(known.state.runId)?.cancelled === true)
      // Judged since the load.
      this.state = { ...this.state, cancelled: true }
    this.#ports = ports
    this.#signal = signal
    this.#beganMs = ports.clock.monotonic() - known.state.elapsedMs
    const unwatch = ports.feed.watch(known.state.runId, (judged) => this.#see(judged))
    this.#gone = known.gone
    const stop = (): void => this.#interrupt.abort()
    for (const one of [signal, known.gone]) one?.addEventListener('abort', stop, { once: true })
    if (known.gone?.aborted === true) stop()
    this.leave = () => {
      unwatch()
      for (const one of [signal, known.gone]) one?.removeEventListener('abort', stop)
    }
  }

  /** What is known and not yet appended goes to the log: a step broke, or, if the log takes it at once, told to stop. */
  async keepWhatHappened(error: unknown): Promise<void> {
    if (this.#pending.length === 0 || this.#foreign) return
    const atOnce = error === stopped || this.#signal.aborted || mayPass(error)
    const append = () => this.#ports.journal.append(this.#pending, { patienceMs: atOnceMs })
    await (atOnce ? append() : this.#flush()).catch(() => {})
  }

  async toTheEnd(): Promise<Position> {
    await this.#take()
    for (;;) {
      this.#mustGoOn()
      await this.#noteGone()
      await this.#noteDeadline()
      const step = isClosing(this.#gone) ? whileClosing(this.state) : decide(this.state)
      if (step.step === 'done') return await this.#finished()
      await this.#perform(step)
    }
  }

  /** Becomes the owner; a take-over is read back before anything else is decided. */
  async #take(): Promise<void> {
    const { worker } = this.#ports
    this.#ports.report({ signal: 'run.started', runId: this.state.runId, kind: this.state.spec.kind })
    if (this.#knownSeq === 0) return this.#note({ type: 'run.started', data: { worker } })
    const resumes = this.state.resumes + 1
    await this.#note({ type: 'run.resumed', data: { worker, reason: 'taken over', resumes } })
    await this.#readBack()
  }

  async #perform(step: Exclude<Step, { step: 'done' }>): Promise<void> {
    const { clock, steps } = this.#ports
    switch (step.step) {
      case 'retrieve': {
        const data = await this.#within(this.#leftMs(), (signal) => steps.retrieve(this.state, signal))
        return data === undefined ? undefined : this.#note({ type: 'retrieval.completed', data })
      }
      case 'settle':
        return this.#note({ type: 'attempt.failed', data: lostAttempt(step.attempt) })
      case 'wait': {
        await this.#flush()
        const began = clock.monotonic()
        await clock.sleep(step.waitMs, this.#interrupt.signal)
        if (this.#interrupt.signal.aborted) return
        const waitMs = Math.round(clock.monotonic() - began)
        return this.#note({ type: 'run.waited', data: { waitMs, reason: step.reason } })
      }
      case 'attempt':
        return this.#attempt(step)
      case 'validate': {
        const { attempt, validator } = step
        if (steps.judgesByReading?.(validator) === true) await this.#flush()
        const work = (signal: AbortSignal) => steps.validate(this.state, attempt, validator, signal)
        const verdict = await this.#within(bounds.verdictMs, work)
        if (verdict === undefined && this.#interrupt.signal.aborted) return
        return this.#note({ type: 'verdict.reached', data: verdict ?? noVerdict(attempt.attempt, validator) })
      }
      case 'finish':
        return this.#note({
          type: 'run.completed',
          data: {
            outcome: step.outcome,
            reason: step.reason ?? null,
            attempt: step.attempt ?? null,
            attempts: this.state.attempts.length,
            durationMs: this.#elapsedMs(),
          },
        })
    }
  }

  async #attempt(step: Extract<Step, { step: 'attempt' }>): Promise<void> {
    const planned = await this.#within(this.#leftMs(), () => this.#ports.steps.attempt(this.state, step))
    if (planned === undefined) return
    if ('restMs' in planned) return this.#perform(whileResting(this.state, planned.restMs, this.#leftMs()))
    await this.#note({ type: 'attempt.started', data: planned.started })
    const reserved = this.#reserve(planned.started)
    if (this.#lastPosition === undefined && !this.#alone) await this.#readBack()
    else await this.#flush()
    const reservation = await reserved
    if (this.#foreign) {
      if (reservation.granted) reservation.settle?.(undefined)
      throw lost
    }
    if (!reservation.granted) return this.#note({ type: 'attempt.failed', data: refused(planned.started, reservation) })
    const timeoutMs = Math.min(this.state.spec.limits.attemptTimeoutMs, this.#leftMs())
    const result = await planned.call({ signal: this.#interrupt.signal, timeoutMs })
    reservation.settle?.(result)
    await this.#note(result)
  }

  /** Settles also when nobody waits for it any more. */
  async #reserve(started: EventData['attempt.started']): Promise<Reservation> {
    const { reserve } = this.#ports
    if (reserve === undefined) return { granted: true }
    return reserve(this.state, started, this.#interrupt.signal).catch((error: unknown) => ({
      granted: false,
      code: 'budget-unavailable',
      message: error instanceof Error ? error.message : String(error),
    }))
  }

  /** What `work` gives; undefined when `ms` pass or the run is interrupted first, and then its signal is aborted. */
  async #within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const interrupt = this.#interrupt.signal
    if (interrupt.aborted) return undefined
    // Not AbortSignal.any, which costs four times as much.
    const controller = new AbortController()
    const end = (): void => controller.abort(over)
    interrupt.addEventListener('abort', end)
    try {
      const { signal } = controller
      return await Promise.race([work(signal), this.#ports.clock.sleep(ms, signal).then(() => undefined)])
    } catch (error) {
      if (interrupt.aborted) return undefined // It broke because it was told to stop.
      throw error
    } finally {
      interrupt.removeEventListener('abort', end)
      end()
    }
  }

  /** Whoever asked has gone: cancelled by the owner itself, in the order of its own events. */
  async #noteGone(): Promise<void> {
    if (!hasLeft(this.#gone) || this.state.cancelled || this.state.outcome !== undefined) return
    const { runId, spec } = this.state
    const about = { subject: runId, chain: { run: runId, seq: -1, prev: '' } }
    const data = { reason: 'the caller is gone', principal: spec.principal }
    this.#add(await this.#ports.journal.prepare([{ type: 'task.cancelled', data, ...about }]))
  }

  /** The deadline reaches `decide` as an event (R8). */
  async #noteDeadline(): Promise<void> {
    if (this.state.expired || this.state.outcome !== undefined) return
    const elapsedMs = this.#elapsedMs()
    if (elapsedMs < this.state.spec.limits.deadlineMs) return
    await this.#note({ type: 'run.expired', data: { elapsedMs: Math.round(elapsedMs) } })
  }

  /** Adds one event to the chain and to the state; it is appended with the next flush. */
  async #note(
    event: { [Type in AnyNewEvent['type']]: { type: Type; data: EventData[Type] } }[AnyNewEvent['type']],
  ): Promise<void> {
    const { id: causationId, seq } = this.#head
    const chain = { run: this.state.runId, seq: seq + 1, prev: causationId }
    const about = { subject: chain.run, chain, causationId, traceparent: traceparentAt(this.state, attemptIn(event)) }
    const prepared = await this.#ports.journal.prepare([{ ...event, ...about }])
    this.#head = { seq: chain.seq, id: prepared[0]?.event.id ?? '' }
    this.#add(prepared)
  }

  #add(prepared: readonly PreparedEvent[]): void {
    for (const one of prepared) {
      this.#own.add(one.event.id)
      this.#pending.push(one)
      this.state = evolve(this.state, one.event) ?? this.state
    }
  }

  async #flush(): Promise<void> {
    const events = this.#pending
    if (events.length === 0) return
    const { clock, journal } = this.#ports
    const until = clock.monotonic() + (this.state.spec.interactive ? patienceMs : Infinity)
    for (;;) {
      try {
        const positions = await journal.append(events, { patienceMs: Math.min(tryAppendMs, until - clock.monotonic()) })
        this.#lastPosition = positions.at(-1)
        this.#pending = []
        return
      } catch (error) {
        if (!mayPass(error) || clock.monotonic() >= until) throw error
        await clock.sleep(retryAppendMs, this.#signal)
        if (this.#signal.aborted) throw stopped
      }
    }
  }

  async #readBack(): Promise<void> {
    const last = this.#head.id
    await this.#flush()
    if (this.#lastPosition !== undefined) await this.#ports.feed.reached(this.#lastPosition, this.#signal)
    if (!this.#seen.has(last)) throw lost
  }

  async #finished(): Promise<Position> {
    await (this.#alone ? this.#flush() : this.#readBack())
    if (this.#lastPosition === undefined) throw lost
    return this.#lastPosition
  }

  #see({ record, accepted }: Judged): void {
    const { ce_id: id = '', ce_type: type } = record.headers
    if (!accepted) return
    if (this.#own.has(id)) {
      this.#seen.add(id)
      return
    }
    if (isControl(type)) this.state = { ...this.state, cancelled: true }
    else if ((chainOf(record.headers)?.seq ?? Infinity) <= this.#knownSeq) return
    else this.#foreign = true
    this.#interrupt.abort()
  }

  #mustGoOn(): void {
    if (this.#foreign) throw lost
    if (this.#signal.aborted) throw stopped
  }

  #elapsedMs(): number {
    return elapsedMs(this.#ports.clock, this.#beganMs)
  }

  /** Until the deadline; at least 1, as a time to wait. */
  #leftMs(): number {
    return Math.max(1, this.state.spec.limits.deadlineMs - this.#elapsedMs())
  }
}
