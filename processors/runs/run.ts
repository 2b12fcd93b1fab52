import type { EventData } from '#schemas/event.ts'

/**
 * What a run is: its frozen specification, and its state as its accepted events tell it.
 *
 * Promise: nothing here comes from a clock, a network or chance; the same events give the same state (R1, R8).
 */
export type RunSpec = EventData['task.submitted']
export type Tier = RunSpec['ladder'][number]
export type Choice = Tier['choices'][number]
export type Outcome = EventData['run.completed']['outcome']
export type Finding = EventData['verdict.reached']['findings'][number]

export interface RunState {
  readonly runId: string
  readonly spec: RunSpec
  /** The caller's W3C trace context, where one came with the request. */
  readonly traceparent?: string
  /** Process that owns the run; undefined until it is started. */
  readonly owner?: string
  /** How often it was taken over, and how often since a step was last completed (R8: three are poison). */
  readonly resumes: number
  readonly resumesSinceStep: number
  readonly retrieval?: EventData['retrieval.completed']
  readonly attempts: readonly AttemptState[]
  /** Active time recorded so far: retrieval, calls, verdicts and waits. Milliseconds. */
  readonly elapsedMs: number
  readonly costMicroUsd: number
  readonly expired: boolean
  /** Who asked for it and why stands in the `task.cancelled` event alone, so that any reader of headers may set this. */
  readonly cancelled: boolean
  readonly outcome?: Outcome
  readonly reason?: string
  /** The attempt whose answer stands. */
  readonly answer?: number
  /** As its end says it: what `elapsedMs` has, and what lay between. */
  readonly durationMs?: number
}

export interface AttemptState {
  /** From 1, over the whole run. */
  readonly attempt: number
  readonly tier: number
  readonly provider: string
  readonly model: string
  /** What it may have cost, should its end never be known. */
  readonly reservedMicroUsd: number
  readonly result?:
    | { readonly is: 'completed'; readonly content: EventData['attempt.completed']['content'] }
    | {
        readonly is: 'failed'
        readonly code: string
        readonly message: string
        readonly retryable: boolean
        readonly retryAfterMs?: number
        /** Some of it went to the client. */
        readonly delivered: boolean
      }
  readonly verdict?: { readonly passed: boolean; readonly findings: readonly Finding[] }
  /** The wait decided after this attempt is over. */
  readonly waited: boolean
}

/** What to do next. */
export type Step =
  | { readonly step: 'done' }
  | { readonly step: 'retrieve' }
  | { readonly step: 'settle'; readonly attempt: AttemptState }
  | { readonly step: 'wait'; readonly waitMs: number; readonly reason: string }
  | { readonly step: 'attempt'; readonly attempt: number; readonly tier: number; readonly choice: Choice }
  | { readonly step: 'validate'; readonly attempt: AttemptState; readonly validator: string }
  | { readonly step: 'finish'; readonly outcome: Outcome; readonly reason?: string; readonly attempt?: number }
