/** The state of a run as its events tell it: given events, then a state. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evolve } from '#processors/runs/evolve.ts'
import type { RunState } from '#processors/runs/run.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { event, fold, happened } from './run-script.ts'

const { answered, attempted, cancelled, completed, failed, judged, resumed, retrieved, started, submitted, waited } =
  happened

describe('given a submission', () => {
  test('then nothing has happened yet', () => {
    expect(fold([submitted()])).toMatchObject({
      runId: 'run-1',
      attempts: [],
      resumes: 0,
      elapsedMs: 0,
      cancelled: false,
    })
  })

  test('twice, then the first counts', () => {
    expect(fold([submitted(), submitted({ kind: 'chat' })]).spec.kind).toBe('task')
  })

  test('nothing before it makes a run', () => {
    expect(evolve(undefined, started())).toBeUndefined()
  })
})

describe('time and money', () => {
  test('add up over steps', () => {
    const given = submitted({ validator: 'v' })
    const state = fold([
      given,
      retrieved(3),
      attempted(1),
      failed(1),
      waited(500),
      attempted(2),
      answered(2, { costMicroUsd: 7 }),
      judged(2, true),
    ])
    expect(state).toMatchObject({ elapsedMs: 3 + 10 + 500 + 10 + 1, costMicroUsd: 7 })
  })

  test('of a lost call are not known', () => {
    const state = fold([submitted(), attempted(1), resumed(), failed(1, { code: 'lost', durationMs: 0 })])
    expect(state).toMatchObject({ elapsedMs: 0, resumesSinceStep: 1 })
  })
})

describe('an attempt', () => {
  test('has one result: the first', () => {
    const state = fold([submitted(), attempted(1), failed(1, { code: 'lost' }), answered(1)])
    expect(state.attempts[0]?.result).toMatchObject({ is: 'failed', code: 'lost' })
  })

  test('has one answer, and the verdict on it is not one on another', () => {
    const good = [submitted({ validator: 'v' }), attempted(1), answered(1, { content: 'good' }), judged(1, true)]
    const state = fold([...good, answered(1, { content: 'bad' }), completed('accepted', 1)])
    expect(state).toMatchObject({ outcome: 'accepted', attempts: [{ result: { content: 'good' } }] })
  })

  test('is judged once, and only when it has answered', () => {
    const refused = fold([submitted({ validator: 'v' }), attempted(1), answered(1), judged(1, false), judged(1, true)])
    expect(refused.attempts[0]?.verdict?.passed).toBe(false)
    expect(fold([submitted({ validator: 'v' }), attempted(1), judged(1, true)]).attempts[0]?.verdict).toBeUndefined()
    expect(
      fold([submitted({ validator: 'v' }), attempted(1), failed(1), judged(1, true)]).attempts[0]?.verdict,
    ).toBeUndefined()
  })

  test('starts once', () => {
    expect(fold([submitted(), attempted(1), answered(1), attempted(1)]).attempts).toHaveLength(1)
  })
})

describe('a completion as accepted stands', () => {
  test('with a passing verdict of that very attempt', () => {
    const state = fold([
      submitted({ validator: 'v' }),
      attempted(1),
      answered(1),
      judged(1, true),
      completed('accepted', 1),
    ])
    expect(state).toMatchObject({ outcome: 'accepted', answer: 1 })
  })

  test('with an answer, where nobody has to judge it', () => {
    expect(fold([submitted(), attempted(1), answered(1), completed('accepted', 1)])).toMatchObject({
      outcome: 'accepted',
    })
  })

  test.for<[string, readonly AnyNewEvent[], number | null]>([
    ['no answer', [], 1],
    ['no attempt named', [attempted(1), answered(1), judged(1, true)], null],
    ['a failed attempt', [attempted(1), failed(1)], 1],
    ['a call in flight', [attempted(1)], 1],
    ['no verdict', [attempted(1), answered(1)], 1],
    ['a failing verdict', [attempted(1), answered(1), judged(1, false)], 1],
    ['the verdict of another attempt', [attempted(1), answered(1), judged(1, true), attempted(2), answered(2)], 2],
  ])('but not with %s: then it has failed', ([, events, attempt]) => {
    const state = fold([submitted({ validator: 'v' }), ...events, completed('accepted', attempt)])
    expect(state).toMatchObject({ outcome: 'failed', reason: 'unproven' })
  })
})

test('after its end nothing changes a run', () => {
  const ended = fold([submitted(), attempted(1), answered(1), completed('accepted', 1)])
  for (const more of [cancelled(), resumed(), attempted(2), failed(1), completed('failed')])
    expect(evolve(ended, more)).toBe(ended)
})

describe('laws', () => {
  const attempt = fc.integer({ min: 1, max: 3 })
  const anyEvent = fc.oneof<fc.Arbitrary<AnyNewEvent>[]>(
    fc.constantFrom(started(), cancelled(), resumed(), waited(), retrieved(), happened.expired()),
    attempt.map((n) => attempted(n)),
    fc.tuple(attempt, fc.constantFrom('good', 'bad')).map(([n, content]) => answered(n, { content })),
    fc.tuple(attempt, fc.constantFrom('lost', 'overloaded')).map(([n, code]) => failed(n, { code })),
    fc.tuple(attempt, fc.boolean()).map(([n, passed]) => judged(n, passed)),
    fc
      .tuple(fc.constantFrom('accepted', 'rejected', 'failed', 'cancelled', 'abandoned'), fc.option(attempt))
      .map(([outcome, n]) => completed(outcome, n)),
    fc.constant(event('document.removed', { corpus: 'c', path: 'p', documentId: 'd' } as never)),
  )
  const anyEvents = fc.array(anyEvent, { maxLength: 40 })

  test('total and pure: any events in any order give a state, the same one again, and change nothing that was there', () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const fresh = fold([submitted({ validator: 'v' }), ...events])
        const frozen = events.reduce<RunState | undefined>(
          (state, one) => deepFreeze(evolve(state, deepFreeze(one))),
          deepFreeze(fold([submitted({ validator: 'v' })])),
        )
        expect(frozen).toEqual(fresh)
      }),
    )
  })

  test('[verdict.closed] whatever the events, what stands as accepted was answered, then passed', () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const state = fold([submitted({ validator: 'v' }), ...events])
        if (state.outcome !== 'accepted') return
        const { answer } = state
        const stands = state.attempts.find((one) => one.attempt === answer)
        const answeredAt = events.findIndex((one) => one.type === 'attempt.completed' && one.data.attempt === answer)
        const passedAfter = events
          .slice(answeredAt)
          .some((one) => one.type === 'verdict.reached' && one.data.attempt === answer && one.data.passed)
        expect(stands).toMatchObject({ result: { is: 'completed' }, verdict: { passed: true } })
        expect(answeredAt >= 0 && passedAfter).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
