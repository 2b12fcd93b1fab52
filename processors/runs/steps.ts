import type { EventData } from '#schemas/event.ts'
import type { AttemptState, RunState, Step } from './run.ts'

/**
 * What performs a run's steps: one performer a step, each told how long it has.
 *
 * Promise: a performer never rejects for what the outside does; what went wrong is in the event it gives.
 */
export interface Steps {
  retrieve(run: RunState, signal: AbortSignal): Promise<EventData['retrieval.completed']>
  /** What is about to be asked; the call itself is made by `call`. */
  attempt(run: RunState, step: Extract<Step, { step: 'attempt' }>): Promise<PlannedCall | Resting>
  validate(
    run: RunState,
    attempt: AttemptState,
    validator: string,
    signal: AbortSignal,
  ): Promise<EventData['verdict.reached']>
  /** Whether this validator reads from outside: then the answer is on the log before it is judged (R1). */
  judgesByReading?(validator: string): boolean
}

export interface PlannedCall {
  readonly started: EventData['attempt.started']
  /** Settles within `timeoutMs`, and soon after an abort; never rejects for what a provider does. */
  call(options: { signal: AbortSignal; timeoutMs: number }): Promise<CallResult>
}

/** Nobody is asked now: every provider left is left alone after its failures. */
export interface Resting {
  /** Until the first of them may be asked. */
  readonly restMs: number
}

export type CallResult =
  | { readonly type: 'attempt.completed'; readonly data: EventData['attempt.completed'] }
  | { readonly type: 'attempt.failed'; readonly data: EventData['attempt.failed'] }

/** The word of the budgets on one call. */
export type Reservation =
  | {
      readonly granted: true
      /** Told what the call did cost; without a result, that it was not made. Does not wait for the log. */
      readonly settle?: (result: CallResult | undefined) => void
    }
  | {
      readonly granted: false
      readonly code: 'budget-spent' | 'budget-unpriced' | 'budget-unavailable'
      readonly message: string
    }
