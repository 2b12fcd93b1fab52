/** The money of a run's calls: asked for before each, settled after it, given back where none is made. */
import { describe, expect, test } from 'vitest'
import type { Asked, AskedCall } from '#processors/budgets/budgets.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import { loadRun } from '#processors/runs/load-run.ts'
import { reserveBy } from '#processors/runs/reserve.ts'
import type { EventData } from '#schemas/event.ts'
import { answer, codec, failure, openWorld, stepsOf, submitted } from './quiet-world.ts'
import { runId } from './run-script.ts'

const signal = new AbortController().signal

function budgetsThat(say: (call: AskedCall) => Asked) {
  const asked: AskedCall[] = []
  const settled: EventData['budget.settled'][] = []
  const reserve = (call: AskedCall) => (asked.push(call), Promise.resolve(say(call)))
  const settle = (data: EventData['budget.settled']) => (settled.push(data), Promise.resolve())
  return { asked, settled, reserve, settle }
}
const granted = ({ run, attempt }: AskedCall): Asked => ({ granted: true, reservation: `${run}:${attempt}` })

describe('a run', () => {
  test('asks for each call and settles each at what it did cost', async () => {
    const world = openWorld()
    const known = await submitted(world, { tags: { team: 'a' } })
    const budgets = budgetsThat(granted)
    const steps = stepsOf({
      call: ({ attempt }) =>
        Promise.resolve(attempt === 1 ? failure(1, { code: 'rejected', retryable: false }) : answer(attempt)),
    })
    const two = {
      ...known.state.spec,
      ladder: [{ name: 't', choices: ['one', 'two'].map((provider) => ({ provider, model: 'm' })) }],
    }
    const start = { ...known, state: { ...known.state, spec: two } }
    const { ports } = world.start('a')
    const done = await world.until(carryOut(start, { ...ports(steps), reserve: reserveBy(budgets) }, signal))
    expect(done).toMatchObject({ is: 'done', state: { outcome: 'accepted' } })
    expect(budgets.asked.map(({ provider, attempt, tags }) => [provider, attempt, tags])).toEqual([
      ['one', 1, { team: 'a' }],
      ['two', 2, { team: 'a' }],
    ])
    expect(budgets.settled).toMatchObject([
      { reservation: 'run-1:1', microUsd: 0, reason: 'released' },
      { reservation: 'run-1:2', reason: 'used' },
    ])
  })

  test.for(['budget-spent', 'budget-unpriced', 'budget-unavailable'] as const)(
    'that is told %s calls nobody and ends, with the reason recorded',
    async (code) => {
      const world = openWorld()
      const known = await submitted(world)
      const budgets = budgetsThat(() => ({ granted: false, code, message: 'no money' }))
      const steps = stepsOf()
      const { ports } = world.start('a')
      const done = await world.until(carryOut(known, { ...ports(steps), reserve: reserveBy(budgets) }, signal))
      expect(done).toMatchObject({ is: 'done', state: { outcome: 'failed', reason: code } })
      expect(world.data('attempt.failed')).toMatchObject([{ code, message: 'no money', costMicroUsd: 0 }])
      expect(steps.calls).toEqual([])
      expect(budgets.settled).toEqual([])
    },
  )

  test('that lost itself to another owner while it asked gives the money back', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const budgets = budgetsThat(granted)
    const taken = Promise.withResolvers<void>()
    const reserve = reserveBy({ ...budgets, reserve: (call) => taken.promise.then(() => budgets.reserve(call)) })
    const steps = stepsOf()
    const ended = carryOut(known, { ...world.start('a').ports(steps), reserve }, signal)
    await world.pass(50)
    const b = world.start('b')
    const submission = { topic: 'runs.v1', partition: 0, offset: 0 } as const
    const resumed = await world.until(loadRun(runId, submission, { log: b.log, codec, feed: b.feed }))
    await world.until(carryOut(resumed!, b.ports(stepsOf()), signal))
    taken.resolve()
    expect(await world.until(ended)).toEqual({ is: 'lost' })
    expect(steps.calls).toEqual([])
    expect(budgets.settled).toMatchObject([{ reservation: 'run-1:1', microUsd: 0, reason: 'released' }])
  })
})
