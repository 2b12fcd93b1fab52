/** What a run does next while the process that answers it is being stopped. */
import { expect, test } from 'vitest'
import { whileClosing } from '#processors/runs/decide.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { RunState, Step } from '#processors/runs/run.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { happened, ladder } from './run-script.ts'

const { answered, attempted, cancelled, completed, failed, judged, started, submitted } = happened
const givenUp = { step: 'finish', outcome: 'abandoned', reason: 'server.closing' }
const begun = [submitted(), started(), attempted(1)]

function next(...events: readonly AnyNewEvent[]): Step {
  return whileClosing(events.reduce<RunState | undefined>(evolve, undefined)!)
}

test('nothing new is begun: no first call, no other provider, no judging', () => {
  expect(next(submitted(), started())).toEqual(givenUp)
  const two = submitted({ ladder: ladder(['one', 'two']) })
  expect(next(two, started(), attempted(1), failed(1, { retryable: false }))).toEqual(givenUp)
  expect(next(submitted({ validator: 'v' }), started(), attempted(1), answered(1))).toEqual(givenUp)
})

test('a call that was cut off is no answer, also where some of it had left', () => {
  const cut = { code: 'cancelled', retryable: false }
  expect(next(...begun, failed(1, cut))).toEqual(givenUp)
  expect(next(...begun, failed(1, { ...cut, delivered: true }))).toEqual(givenUp)
})

test('what is done already stands', () => {
  expect(next(...begun, answered(1))).toMatchObject({ step: 'finish', outcome: 'accepted' })
  expect(next(...begun, answered(1), judged(1, true))).toMatchObject({ step: 'finish', outcome: 'accepted' })
  expect(next(...begun, cancelled(), failed(1))).toMatchObject({ step: 'finish', outcome: 'cancelled' })
  expect(next(...begun, answered(1), judged(1, true), completed('accepted', 1))).toEqual({ step: 'done' })
})

test('a call that is open is settled first', () => {
  expect(next(...begun)).toMatchObject({ step: 'settle' })
})
