/** Laws of the run machine over any specification and any script of results, takeovers, cancellations and deadlines. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bounds } from '#processors/runs/limits.ts'
import type { RunSpec, RunState, Step } from '#processors/runs/run.ts'
import type { AnyNewEvent, EventData } from '#schemas/event.ts'
import { sampleTask } from '#test/schemas/sample-data.ts'
import { happened, ladder, type Played, play } from './run-script.ts'

const provider = fc.constantFrom('one', 'two', 'three')
const anySpec: fc.Arbitrary<RunSpec> = fc
  .record({
    tiers: fc.array(fc.uniqueArray(provider, { maxLength: 3 }), { maxLength: 3 }),
    validator: fc.constantFrom('v', null),
    retrieval: fc.constantFrom({ query: 'q', corpora: [], k: 1, threshold: 0 }, null),
    attempts: fc.integer({ min: 0, max: 12 }),
    deadlineMs: fc.constantFrom(1, 5_000, 60_000, 10 ** 7),
    costMicroUsd: fc.constantFrom(null, 0, 30, 1_000),
  })
  .map(({ tiers, attempts, deadlineMs, costMicroUsd, ...rest }) =>
    sampleTask({ ...rest, ladder: ladder(...tiers), limits: { attempts, deadlineMs, costMicroUsd } }),
  )

/** What one step comes to, if it is of its kind. */
interface Turn {
  readonly answer: boolean
  readonly failure: Pick<EventData['attempt.failed'], 'code' | 'retryable' | 'retryAfterMs'>
  readonly passed: boolean
  /** Before it: another owner takes over, somebody cancels, the deadline passes. */
  readonly before: 'nothing' | 'takeover' | 'cancel' | 'expiry'
  /** The owner dies in the middle of the call. */
  readonly crash: boolean
}

const failure = fc.constantFrom(
  { code: 'overloaded', retryable: true, retryAfterMs: null },
  { code: 'rate-limited', retryable: true, retryAfterMs: 2_000 },
  { code: 'rate-limited', retryable: true, retryAfterMs: 90_000 },
  { code: 'unauthorized', retryable: false, retryAfterMs: null },
  { code: 'cancelled', retryable: false, retryAfterMs: null },
)
const before = fc.oneof(
  { weight: 20, arbitrary: fc.constant('nothing' as const) },
  { weight: 3, arbitrary: fc.constant('takeover' as const) },
  { weight: 1, arbitrary: fc.constantFrom('cancel' as const, 'expiry' as const) },
)
const turn: fc.Arbitrary<Turn> = fc.record({
  answer: fc.boolean(),
  failure,
  passed: fc.boolean(),
  before,
  crash: fc.boolean(),
})
const anyScript = fc.array(turn, { minLength: 1, maxLength: 60 })

function playScript(given: RunSpec, turns: readonly Turn[]): Played {
  let at = 0
  return play(given, (step, run) => {
    const now = turns[at++ % turns.length]!
    return [...eventsBefore(now, run), ...eventsOf(step, now)]
  })
}

function eventsBefore({ before }: Turn, run: RunState): AnyNewEvent[] {
  if (before === 'takeover') return [happened.resumed(run.resumes + 1)]
  if (before === 'cancel') return [happened.cancelled()]
  return before === 'expiry' ? [happened.expired()] : []
}

function eventsOf(step: Step, { answer, failure, passed, crash }: Turn): AnyNewEvent[] {
  switch (step.step) {
    case 'retrieve':
      return [happened.retrieved()]
    case 'wait':
      return [happened.waited(step.waitMs)]
    case 'validate':
      return [happened.judged(step.attempt.attempt, passed)]
    case 'attempt': {
      const { attempt, tier, choice } = step
      const started = happened.attempted(attempt, { tier, provider: choice.provider })
      if (crash) return [started, happened.resumed()]
      return [
        started,
        answer
          ? happened.answered(attempt, { costMicroUsd: 9 })
          : happened.failed(attempt, { provider: choice.provider, ...failure }),
      ]
    }
    default:
      throw new Error(`nobody performs ${step.step}`)
  }
}

function everyRun(holds: (played: Played, given: RunSpec) => void): void {
  fc.assert(
    fc.property(anySpec, anyScript, (given, turns) => {
      holds(playScript(given, turns), given)
    }),
    { numRuns: 1_500 },
  )
}

function accepted(events: readonly AnyNewEvent[], type: AnyNewEvent['type']): AnyNewEvent[] {
  return events.filter((one) => one.type === type)
}

describe('whatever its specification and whatever befalls it, a run', () => {
  test('ends', () => everyRun(({ state }) => expect(state.outcome).toBeDefined()))

  test('ends soon: in a number of steps that its limits bound', () => {
    everyRun(({ steps }, { limits }) => expect(steps.length).toBeLessThanOrEqual(8 + 5 * limits.attempts))
  })

  test('never makes more attempts than its limit', () => {
    everyRun(({ events }, { limits }) => {
      expect(accepted(events, 'attempt.started').length).toBeLessThanOrEqual(limits.attempts)
    })
  })

  test('[verdict.closed] is accepted with a passing verdict of that very attempt, and never otherwise', () => {
    everyRun(({ state, events }, { validator }) => {
      if (state.outcome !== 'accepted') return
      const answer = state.attempts.find(({ attempt }) => attempt === state.answer)
      expect(answer?.result?.is).toBe('completed')
      expect(state.reason).toBeUndefined()
      if (validator !== null) expect(answer?.verdict?.passed).toBe(true)
      if (validator !== null) expect(events).toContainEqual(happened.judged(state.answer ?? 0, true))
    })
  })

  test('is never closed as unproven by its own decisions', () =>
    everyRun(({ state }) => expect(state.reason).not.toBe('unproven')))

  test('calls nothing once it was cancelled', () => {
    everyRun(({ events }) => {
      const at = events.findIndex(({ type }) => type === 'task.cancelled')
      // The step that was under way when somebody cancelled may still be recorded.
      if (at !== -1) expect(accepted(events.slice(at + 2), 'attempt.started')).toEqual([])
    })
  })

  test('calls nothing once its deadline has passed', () => {
    everyRun(({ events }) => {
      const at = events.findIndex(({ type }) => type === 'run.expired')
      if (at !== -1) expect(accepted(events.slice(at + 2), 'attempt.started')).toEqual([])
    })
  })

  test('calls nothing once it has cost what it may', () => {
    everyRun(({ events }, { limits }) => {
      if (limits.costMicroUsd === null) return
      let spent = 0
      let calls = 0
      for (const one of events) {
        if (one.type === 'attempt.started' && calls++ > 0) expect(spent).toBeLessThan(limits.costMicroUsd)
        if (one.type === 'attempt.completed') spent += one.data.costMicroUsd
      }
    })
  })

  test('waits at least as long as a provider asks', () => {
    everyRun(({ events, steps }) => {
      const waits = steps.filter((step) => step.step === 'wait')
      const waited = accepted(events, 'run.waited')
      waited.forEach((one, index) => {
        const last = events.slice(0, events.indexOf(one)).findLast(({ type }) => type === 'attempt.failed')
        if (last?.type === 'attempt.failed')
          expect(waits[index]?.waitMs).toBeGreaterThanOrEqual(last.data.retryAfterMs ?? 0)
      })
    })
  })

  test('asks a provider that refused for good no more, unless another provider is asked first', () => {
    everyRun(({ events }) => {
      const calls = events.filter(({ type }) => type === 'attempt.started' || type === 'attempt.failed')
      calls.forEach((one, index) => {
        if (one.type !== 'attempt.failed' || one.data.code !== 'unauthorized') return
        const after = calls[index + 1]
        const refused = events.find(
          ({ type, data }) => type === 'attempt.started' && (data as { attempt: number }).attempt === one.data.attempt,
        )
        if (after?.type !== 'attempt.started' || refused?.type !== 'attempt.started') return
        const same = after.data.provider === refused.data.provider && after.data.tier === refused.data.tier
        expect(same).toBe(false)
      })
    })
  })

  test('is poison after three takeovers without a completed step, and only then', () => {
    everyRun(({ state }) => {
      if (state.reason === 'poison') expect(state.resumesSinceStep).toBeGreaterThanOrEqual(bounds.resumesWithoutStep)
    })
  })
})
