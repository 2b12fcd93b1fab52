/** The policy of a run, rule by rule; its laws over any script of results stand in `decide.laws.test.ts`. */
import { describe, expect, test } from 'vitest'
import { backoffMs } from '#processors/runs/limits.ts'
import { event, happened, ladder, next, runId } from './run-script.ts'

const {
  answered,
  attempted,
  cancelled,
  completed,
  expired,
  failed,
  judged,
  resumed,
  retrieved,
  started,
  submitted,
  waited,
} = happened
const retrieval = { query: 'q', corpora: ['docs'], k: 3, threshold: 0 }

describe('a run goes on', () => {
  test('by retrieving first, where its specification asks for it', () => {
    expect(next(submitted({ retrieval }))).toEqual({ step: 'retrieve' })
  })

  test('with the first provider of the weakest tier', () => {
    const given = submitted({ retrieval, ladder: ladder(['one', 'two'], ['three']) })
    expect(next(given, started(), retrieved())).toEqual({
      step: 'attempt',
      attempt: 1,
      tier: 0,
      choice: { provider: 'one', model: 'm' },
    })
  })

  test('by accepting an answer nobody has to judge', () => {
    expect(next(submitted(), attempted(1), answered(1))).toEqual({ step: 'finish', outcome: 'accepted', attempt: 1 })
  })

  test('by validating an answer before it counts', () => {
    const step = next(submitted({ validator: 'v' }), attempted(1), answered(1))
    expect(step).toMatchObject({ step: 'validate', validator: 'v', attempt: { attempt: 1 } })
  })

  test('by accepting an answer that passed', () => {
    const step = next(submitted({ validator: 'v' }), attempted(1), answered(1), judged(1, true))
    expect(step).toEqual({ step: 'finish', outcome: 'accepted', attempt: 1 })
  })

  test('no more once it has ended', () => {
    expect(next(submitted(), completed('failed'))).toEqual({ step: 'done' })
    expect(next(submitted(), completed('failed'), cancelled(), resumed())).toEqual({ step: 'done' })
  })
})

describe('a run that asks each choice once', () => {
  const given = submitted({
    validator: 'v',
    ladder: ladder(['one', 'two'], ['strong']),
    limits: { attempts: 4, once: true },
  })
  const strong = { step: 'attempt', tier: 1, choice: { provider: 'strong', model: 'm' } }

  test('goes to the next tier after one failing verdict, and gives up after the last', () => {
    const refused = [given, attempted(1), answered(1), judged(1, false)]
    expect(next(...refused)).toMatchObject(strong)
    const again = [attempted(2, { tier: 1, provider: 'strong' }), answered(2), judged(2, false)]
    expect(next(...refused, ...again)).toEqual({ step: 'finish', outcome: 'rejected', reason: 'answers' })
  })

  test('waits for nobody: a call that failed goes on to the next choice', () => {
    const first = [given, attempted(1), failed(1)]
    expect(next(...first)).toMatchObject({ step: 'attempt', tier: 0, choice: { provider: 'two' } })
    expect(next(...first, attempted(2, { provider: 'two' }), failed(2))).toMatchObject(strong)
  })
})

describe('a failing verdict', () => {
  const given = submitted({ validator: 'v', ladder: ladder(['one'], ['strong']), limits: { attempts: 4 } })
  const first = [given, attempted(1), answered(1), judged(1, false)]
  const second = [...first, attempted(2), answered(2), judged(2, false)]
  const third = [...second, attempted(3, { tier: 1, provider: 'strong' }), answered(3), judged(3, false)]

  test('is answered by the same model again', () => {
    expect(next(...first)).toMatchObject({ step: 'attempt', attempt: 2, tier: 0, choice: { provider: 'one' } })
  })

  test('twice on a tier is answered by the next tier', () => {
    expect(next(...second)).toMatchObject({ step: 'attempt', attempt: 3, tier: 1, choice: { provider: 'strong' } })
  })

  test('is answered by the next tier earlier where answers are counted, so that the strongest is asked', () => {
    const three = ladder(['one'], ['two'], ['strong'])
    const counted = submitted({ validator: 'v', ladder: three, limits: { attempts: 9, answers: 3 } })
    const refused = [counted, attempted(1), answered(1), judged(1, false)]
    expect(next(...refused)).toMatchObject({ step: 'attempt', tier: 1, choice: { provider: 'two' } })
    const twice = [...refused, attempted(2, { tier: 1, provider: 'two' }), answered(2), judged(2, false)]
    expect(next(...twice)).toMatchObject({ step: 'attempt', tier: 2, choice: { provider: 'strong' } })
  })

  test('on the strongest tier stays there', () => {
    expect(next(...third)).toMatchObject({ step: 'attempt', attempt: 4, tier: 1, choice: { provider: 'strong' } })
  })

  test('at the last attempt ends the run as rejected', () => {
    const fourth = [...third, attempted(4, { tier: 1, provider: 'strong' }), answered(4), judged(4, false)]
    expect(next(...fourth)).toEqual({ step: 'finish', outcome: 'rejected', reason: 'attempts' })
  })

  test('that could not be reached for want of the validator ends the run: another answer is judged no better', () => {
    const unjudged = event('verdict.reached', {
      attempt: 2,
      validator: 'v',
      passed: false,
      findings: [{ kind: 'Infrastructure', code: 'roster-unavailable', message: 'gone', path: null }],
      durationMs: 1,
      artifact: null,
      groundedInRoster: null,
    })
    const step = next(...first, attempted(2), answered(2), unjudged)
    expect(step).toEqual({ step: 'finish', outcome: 'failed', reason: 'unjudged' })
  })
})

describe('a failing verdict on the built-in model, which gives the same answer again', () => {
  const refused = (...tiers: readonly (readonly string[])[]) =>
    next(
      submitted({ validator: 'v', ladder: ladder(...tiers) }),
      attempted(1, { provider: 'lattice' }),
      answered(1),
      judged(1, false),
    )

  test('ends the run as rejected where there is nobody else', () => {
    expect(refused(['lattice'])).toEqual({ step: 'finish', outcome: 'rejected', reason: 'same-answer' })
  })

  test('is answered by the next provider, or the next tier', () => {
    expect(refused(['lattice', 'two'])).toMatchObject({ step: 'attempt', attempt: 2, choice: { provider: 'two' } })
    expect(refused(['lattice'], ['three'])).toMatchObject({ step: 'attempt', tier: 1, choice: { provider: 'three' } })
  })
})

describe('a failed call', () => {
  const two = submitted({ ladder: ladder(['one', 'two'], ['strong']) })

  test('that may heal is waited for', () => {
    const step = next(two, attempted(1), failed(1))
    expect(step).toEqual({ step: 'wait', waitMs: backoffMs({ runId, attempt: 1, tries: 1 }), reason: 'overloaded' })
  })

  test('that was waited for is made again', () => {
    const step = next(two, attempted(1), failed(1), waited())
    expect(step).toMatchObject({ step: 'attempt', attempt: 2, choice: { provider: 'one' } })
  })

  test('three times in a row falls through to the next provider', () => {
    const thrice = [1, 2, 3].flatMap((attempt) => [
      attempted(attempt),
      failed(attempt),
      ...(attempt < 3 ? [waited()] : []),
    ])
    expect(next(two, ...thrice)).toMatchObject({ step: 'attempt', attempt: 4, tier: 0, choice: { provider: 'two' } })
  })

  test.for([
    ['rejected', 400],
    ['unauthorized', 401],
    ['unauthorized', 403],
  ] as const)('with %s (%i) falls through at once', ([code, httpStatus]) => {
    const step = next(two, attempted(1), failed(1, { code, httpStatus, retryable: false }))
    expect(step).toMatchObject({ step: 'attempt', attempt: 2, tier: 0, choice: { provider: 'two' } })
  })

  test('of the last provider of a tier falls through to the next tier', () => {
    const step = next(two, attempted(1, { provider: 'two' }), failed(1, { provider: 'two', retryable: false }))
    expect(step).toMatchObject({ step: 'attempt', attempt: 2, tier: 1, choice: { provider: 'strong' } })
  })

  test('of the last provider of all ends the run as failed', () => {
    const last = [attempted(1, { tier: 1, provider: 'strong' }), failed(1, { provider: 'strong', retryable: false })]
    expect(next(two, ...last)).toEqual({ step: 'finish', outcome: 'failed', reason: 'providers' })
  })

  test('is waited for as long as the provider asks', () => {
    const step = next(two, attempted(1), failed(1, { code: 'rate-limited', retryAfterMs: 7_000 }))
    if (step.step !== 'wait') throw new Error(`it says ${step.step}`)
    expect(step.waitMs).toBeGreaterThanOrEqual(7_000)
    expect(step.waitMs).toBeLessThanOrEqual(7_250)
  })

  test('that asks for a long wait falls through where there is another provider', () => {
    const step = next(two, attempted(1), failed(1, { code: 'rate-limited', retryAfterMs: 40_000 }))
    expect(step).toMatchObject({ step: 'attempt', choice: { provider: 'two' } })
  })

  test('that asks for a long wait is waited for where there is no other provider', () => {
    const step = next(submitted(), attempted(1), failed(1, { code: 'rate-limited', retryAfterMs: 40_000 }))
    expect(step).toMatchObject({ step: 'wait', reason: 'rate-limited' })
  })

  test('that asks for a wait beyond the deadline ends the run', () => {
    const step = next(submitted(), attempted(1), failed(1, { code: 'rate-limited', retryAfterMs: 60_000 }))
    expect(step).toEqual({ step: 'finish', outcome: 'failed', reason: 'deadline' })
  })

  test('does not use up the tries of the calls before an answer', () => {
    const given = submitted({ validator: 'v', limits: { attempts: 9 } })
    const before = [attempted(1), failed(1), waited(), attempted(2), failed(2), waited(), attempted(3), answered(3)]
    const step = next(given, ...before, judged(3, false), attempted(4), failed(4))
    expect(step).toMatchObject({ step: 'wait' })
  })
})

describe('a limit', () => {
  test('of attempts ends the run as failed when nothing was ever judged', () => {
    const step = next(submitted({ limits: { attempts: 1 } }), attempted(1), failed(1))
    expect(step).toEqual({ step: 'finish', outcome: 'failed', reason: 'attempts' })
  })

  test('of no attempts at all makes none', () => {
    expect(next(submitted({ limits: { attempts: 0 } }))).toEqual({
      step: 'finish',
      outcome: 'failed',
      reason: 'attempts',
    })
  })

  test('of cost is looked at before each further attempt', () => {
    const given = submitted({ validator: 'v', limits: { costMicroUsd: 30 } })
    const bad = (costMicroUsd: number) => [attempted(1), answered(1, { costMicroUsd }), judged(1, false)]
    expect(next(given, ...bad(29))).toMatchObject({ step: 'attempt', attempt: 2 })
    expect(next(given, ...bad(30))).toEqual({ step: 'finish', outcome: 'rejected', reason: 'cost' })
  })

  test('of cost does not refuse an answer that passed', () => {
    const given = submitted({ validator: 'v', limits: { costMicroUsd: 1 } })
    const step = next(given, attempted(1), answered(1, { costMicroUsd: 5 }), judged(1, true))
    expect(step).toMatchObject({ outcome: 'accepted' })
  })

  test('of time ends a run that has no answer', () => {
    expect(next(submitted({ retrieval }), expired())).toEqual({ step: 'finish', outcome: 'failed', reason: 'deadline' })
    expect(next(submitted(), attempted(1), failed(1), expired())).toMatchObject({
      outcome: 'failed',
      reason: 'deadline',
    })
  })

  test('of time ends a run whose answers were refused as rejected', () => {
    const step = next(submitted({ validator: 'v' }), attempted(1), answered(1), judged(1, false), expired())
    expect(step).toEqual({ step: 'finish', outcome: 'rejected', reason: 'deadline' })
  })

  test('of time still lets an answer that came be judged, and accepted', () => {
    const given = [submitted({ validator: 'v' }), attempted(1), answered(1), expired()]
    expect(next(...given)).toMatchObject({ step: 'validate' })
    expect(next(...given, judged(1, true))).toMatchObject({ outcome: 'accepted', attempt: 1 })
  })
})

describe('a run taken over', () => {
  test('records the call in flight as lost before anything else', () => {
    expect(next(submitted(), attempted(1), resumed())).toMatchObject({ step: 'settle', attempt: { attempt: 1 } })
    expect(next(submitted(), attempted(1), cancelled())).toMatchObject({ step: 'settle' })
  })

  test('makes a lost call again at once, of the same provider', () => {
    const given = submitted({ ladder: ladder(['one', 'two']) })
    const step = next(given, attempted(1), resumed(), failed(1, { code: 'lost' }))
    expect(step).toMatchObject({ step: 'attempt', attempt: 2, choice: { provider: 'one' } })
  })

  test('makes a call again that its owner broke off when it was told to stop', () => {
    const given = submitted({ ladder: ladder(['one', 'two']) })
    const step = next(given, attempted(1), failed(1, { code: 'cancelled', retryable: false }), resumed())
    expect(step).toMatchObject({ step: 'attempt', attempt: 2, choice: { provider: 'one' } })
  })

  test('counts lost calls against its attempts, not against its provider', () => {
    const lost = [1, 2, 3].flatMap((attempt) => [attempted(attempt), failed(attempt, { code: 'lost' })])
    expect(next(submitted(), ...lost)).toMatchObject({ step: 'attempt', attempt: 4, choice: { provider: 'one' } })
    expect(next(submitted({ limits: { attempts: 3 } }), ...lost)).toMatchObject({
      outcome: 'failed',
      reason: 'attempts',
    })
    expect(next(submitted(), ...lost, attempted(4), failed(4))).toMatchObject({ step: 'wait' })
  })

  test('three times without a completed step is poison', () => {
    expect(next(submitted(), resumed(), resumed())).toMatchObject({ step: 'attempt' })
    const step = next(submitted(), resumed(), resumed(), resumed())
    expect(step).toEqual({ step: 'finish', outcome: 'failed', reason: 'poison' })
  })

  test.for([
    ['a retrieval', [retrieved()]],
    ['a failed call', [attempted(1), failed(1)]],
    ['a wait', [waited()]],
    ['a verdict', [attempted(1), answered(1), judged(1, false)]],
  ] as const)('any number of times, with %s in between, is not', ([, step]) => {
    const given = submitted({ validator: 'v' })
    expect(next(given, resumed(), resumed(), ...step, resumed(), resumed())).not.toMatchObject({ reason: 'poison' })
  })
})

describe('a cancelled run', () => {
  test('ends as cancelled, whatever it was about to do', () => {
    const cancelledRun = { step: 'finish', outcome: 'cancelled' }
    expect(next(submitted(), cancelled())).toEqual(cancelledRun)
    expect(next(submitted({ validator: 'v' }), attempted(1), answered(1), cancelled())).toEqual(cancelledRun)
    expect(next(submitted(), attempted(1), failed(1), cancelled(), waited())).toEqual(cancelledRun)
  })
})
