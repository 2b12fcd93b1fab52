/**
 * Runs without a log: their events, and a player that does what `decide` says with results from a script.
 */
import { decide } from '#processors/runs/decide.ts'
import { evolve } from '#processors/runs/evolve.ts'
import { unpaid } from '#processors/runs/missing-results.ts'
import type { RunSpec, RunState, Step } from '#processors/runs/run.ts'
import type { AnyNewEvent, EventData } from '#schemas/event.ts'
import type { EventType } from '#schemas/catalog.ts'
import { sampleAnswer, sampleAttempt, sampleTask, type TaskGiven } from '#test/schemas/sample-data.ts'

export const runId = 'run-1'

/** A ladder from `[['one', 'two'], ['three']]`: tiers of providers. */
export function ladder(...tiers: readonly (readonly string[])[]): RunSpec['ladder'] {
  return tiers.map((providers, tier) => ({
    name: `tier ${tier}`,
    choices: providers.map((provider) => ({ provider, model: 'm' })),
  }))
}

export function event<Type extends EventType>(type: Type, data: EventData[Type]): AnyNewEvent {
  return { type, subject: runId, data } as AnyNewEvent
}

export const happened = {
  submitted: (given: TaskGiven = {}) => event('task.submitted', sampleTask(given)),
  started: () => event('run.started', { worker: 'a' }),
  resumed: (resumes = 1) => event('run.resumed', { worker: 'b', reason: 'taken over', resumes }),
  cancelled: () => event('task.cancelled', { principal: 'local', reason: 'enough' }),
  expired: () => event('run.expired', { elapsedMs: 60_000 }),
  waited: (waitMs = 500) => event('run.waited', { waitMs, reason: 'rate-limited' }),
  retrieved: (durationMs = 3) =>
    event('retrieval.completed', {
      query: 'q',
      corpora: ['docs'],
      documents: 1,
      hits: [],
      passages: [],
      position: '',
      durationMs,
    }),
  attempted: (attempt: number, choice: { tier?: number; provider?: string } = {}) =>
    event('attempt.started', sampleAttempt({ attempt, ...choice })),
  answered: (attempt: number, given: { content?: string; costMicroUsd?: number; durationMs?: number } = {}) =>
    event('attempt.completed', sampleAnswer({ attempt, ...given })),
  failed: (attempt: number, given: Partial<EventData['attempt.failed']> = {}) =>
    event('attempt.failed', {
      provider: 'one',
      model: 'm',
      attempt,
      code: 'overloaded',
      message: 'it is overloaded',
      httpStatus: 503,
      raw: '',
      retryable: true,
      retryAfterMs: null,
      ...unpaid,
      durationMs: 10,
      ...given,
    }),
  judged: (attempt: number, passed: boolean, durationMs = 1) =>
    event('verdict.reached', {
      attempt,
      validator: 'v',
      passed,
      findings: [],
      durationMs,
      artifact: null,
      groundedInRoster: null,
    }),
  completed: (outcome: EventData['run.completed']['outcome'], attempt: number | null = null) =>
    event('run.completed', { outcome, reason: null, attempt, attempts: 1, durationMs: 1 }),
}

export function fold(events: readonly AnyNewEvent[]): RunState {
  const state = events.reduce<RunState | undefined>(evolve, undefined)
  if (state === undefined) throw new Error('no submission among the events')
  return state
}

/** What `decide` says after these events. */
export function next(...events: readonly AnyNewEvent[]): Step {
  return decide(fold(events))
}

export interface Played {
  readonly state: RunState
  readonly events: readonly AnyNewEvent[]
  readonly steps: readonly Step[]
}

/** Plays a run to its end, or gives up after `maxSteps`. `script` gives what each step comes to. */
export function play(
  given: RunSpec,
  script: (step: Step, run: RunState) => readonly AnyNewEvent[],
  maxSteps = 500,
): Played {
  const events = [event('task.submitted', given), happened.started()]
  const steps: Step[] = []
  for (;;) {
    const state = fold(events)
    const step = decide(state)
    steps.push(step)
    if (step.step === 'done' || steps.length > maxSteps) return { state, events, steps }
    events.push(
      ...(step.step === 'finish' ? [finished(step)] : step.step === 'settle' ? [lost(step)] : script(step, state)),
    )
  }
}

function finished(step: Extract<Step, { step: 'finish' }>): AnyNewEvent {
  const { outcome, reason = null, attempt = null } = step
  return event('run.completed', { outcome, reason, attempt, attempts: 0, durationMs: 0 })
}

function lost({ attempt: { attempt } }: Extract<Step, { step: 'settle' }>): AnyNewEvent {
  return happened.failed(attempt, { code: 'lost', durationMs: 0 })
}
