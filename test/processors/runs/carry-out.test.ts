/** One owner and its run, with the log and the steps under the test's control. */
import { describe, expect, test } from 'vitest'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { KnownRun } from '#processors/runs/known-run.ts'
import { loadRun } from '#processors/runs/load-run.ts'
import type { EventData } from '#schemas/event.ts'
import {
  answer,
  codec,
  failure,
  hangs,
  openWorld,
  type Process,
  stepsOf,
  submitted,
  type World,
} from './quiet-world.ts'
import { happened, runId } from './run-script.ts'

const never = new AbortController().signal
const submission = { topic: 'runs.v1', partition: 0, offset: 0 } as const
const validator = 'v'
const retrieval = { query: 'q', corpora: ['docs'], k: 3, threshold: 0 }

function load({ log, feed }: Process): Promise<KnownRun | undefined> {
  return loadRun(runId, submission, { log, codec, feed })
}

describe('an owner', () => {
  test('appends a whole run in two groups: what precedes the call, and what follows it', async () => {
    const world = openWorld()
    const a = world.start('a')
    const known = await submitted(world, { validator, retrieval })
    const result = await world.until(carryOut(known, a.ports(stepsOf()), never))
    expect(result).toMatchObject({
      is: 'done',
      state: { outcome: 'accepted', answer: 1, owner: 'a' },
      position: { offset: 6 },
    })
    expect(world.appends().slice(1)).toEqual([
      ['run.started', 'retrieval.completed', 'attempt.started'],
      ['attempt.completed', 'verdict.reached', 'run.completed'],
    ])
  })

  test('tells the state that the log tells', async () => {
    const world = openWorld()
    const a = world.start('a')
    const known = await submitted(world, { validator, retrieval })
    let tries = 0
    const validate = () =>
      Promise.resolve(happened.judged((tries += 1), tries === 3).data as EventData['verdict.reached'])
    const result = await world.until(carryOut(known, a.ports(stepsOf({ validate })), never))
    const told = result.is === 'done' ? result.state : undefined
    expect((await world.until(load(world.start('b'))))?.state).toEqual(told)
    expect(told).toMatchObject({ outcome: 'accepted', answer: 3 })
  })

  test('waits as decided, and then calls again', async () => {
    const world = openWorld()
    const a = world.start('a')
    const known = await submitted(world)
    const call = ({ attempt }: { attempt: number }) =>
      Promise.resolve(attempt === 1 ? failure(1, { retryAfterMs: 3_000 }) : answer(attempt))
    const result = await world.until(carryOut(known, a.ports(stepsOf({ call })), never))
    expect(result).toMatchObject({ is: 'done', state: { outcome: 'accepted', answer: 2 } })
    expect(world.data('run.waited')[0]?.waitMs).toBeGreaterThanOrEqual(3_000)
    expect(world.scheduler.now).toBeGreaterThanOrEqual(3_000)
  })

  test('gives a call what is left of the deadline, and no more than an attempt may take', async () => {
    const world = openWorld()
    const known = await submitted(world, { limits: { attemptTimeoutMs: 10_000, deadlineMs: 14_000 } })
    const a = world.start('a')
    const timeouts: number[] = []
    const call = async ({ attempt }: { attempt: number }, { timeoutMs }: { timeoutMs: number }) => {
      timeouts.push(timeoutMs)
      await a.clock.sleep(timeoutMs)
      return failure(attempt, { code: 'timeout', durationMs: timeoutMs })
    }
    const result = await world.until(carryOut(known, a.ports(stepsOf({ call })), never))
    expect(timeouts[0]).toBe(10_000)
    expect(timeouts[1]).toBeLessThan(4_000)
    expect(result).toMatchObject({ is: 'done', state: { outcome: 'failed', reason: 'deadline', expired: true } })
  })
})

describe('two owners of one run', () => {
  test('make one call: the second to start stops before it calls', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const [a, b] = [world.start('a'), world.start('b')]
    const [first, second] = [stepsOf(), stepsOf()]
    const results = await world.until(
      Promise.all([carryOut(known, a.ports(first), never), carryOut(known, b.ports(second), never)]),
    )
    expect(results.map(({ is }) => is).sort()).toEqual(['done', 'lost'])
    expect([...first.calls, ...second.calls]).toEqual([1])
    expect(b.signals.concat(a.signals).filter(({ signal }) => signal === 'run.lost')).toHaveLength(1)
  })

  test('call nothing before the log has told them that the run is theirs', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const [a, b] = [world.start('a'), world.start('b')]
    await world.until(Promise.all([a.feed.catchUp(), b.feed.catchUp()]))
    a.deafen()
    b.deafen()
    // Both stand behind another record, so neither learns from its own append what became of it.
    world.write({ ...happened.submitted(), subject: 'other' }, { run: 'other', seq: 0, prev: '' }, 'other')
    const [first, second] = [stepsOf(), stepsOf()]
    const carried = [carryOut(known, a.ports(first), never), carryOut(known, b.ports(second), never)]
    await world.pass(1_000)
    expect([...first.calls, ...second.calls]).toEqual([])
    a.hear()
    b.hear()
    expect((await world.until(Promise.all(carried))).map(({ is }) => is).sort()).toEqual(['done', 'lost'])
    expect([...first.calls, ...second.calls]).toEqual([1])
  })

  test('end the run once: the first stops its call when the second takes over', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const [a, b] = [world.start('a'), world.start('b')]
    const first = carryOut(known, a.ports(stepsOf({ call: hangs })), never)
    await world.pass(50)
    const taken = await world.until(load(b))
    const second = await world.until(carryOut(taken!, b.ports(stepsOf()), never))
    expect(await world.until(first)).toEqual({ is: 'lost' })
    expect(second).toMatchObject({ is: 'done', state: { outcome: 'accepted', answer: 2, resumes: 1 } })
    expect(world.data('attempt.failed')).toMatchObject([{ attempt: 1, code: 'lost' }])
    expect(world.types().filter((type) => type === 'run.completed')).toHaveLength(1)
  })

  test('tell no outcome that the log refused, however late they hear of it', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const [a, b] = [world.start('a'), world.start('b')]
    const settle: (() => void)[] = []
    const call = () => new Promise<ReturnType<typeof answer>>((resolve) => settle.push(() => resolve(answer(1))))
    const first = carryOut(known, a.ports(stepsOf({ call })), never)
    await world.pass(50)
    a.deafen()
    const taken = await world.until(load(b))
    await world.until(carryOut(taken!, b.ports(stepsOf()), never))
    settle.forEach((give) => give())
    await world.pass(1_000)
    expect(world.types().at(-1)).toBe('run.completed!')
    a.hear()
    expect(await world.until(first)).toEqual({ is: 'lost' })
    expect(a.signals.filter(({ signal }) => signal === 'run.completed')).toEqual([])
  })
})

describe('a cancellation', () => {
  const control = { run: runId, seq: -1, prev: '' }

  test('breaks off the call, which is recorded, and ends the run', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const a = world.start('a')
    const carried = carryOut(known, a.ports(stepsOf({ call: hangs })), never)
    await world.pass(50)
    world.write(happened.cancelled(), control, 'cancellation')
    expect(await world.until(carried)).toMatchObject({ is: 'done', state: { outcome: 'cancelled', cancelled: true } })
    expect(world.types().slice(-3)).toEqual(['task.cancelled', 'attempt.failed', 'run.completed'])
  })

  test('breaks off a wait', async () => {
    const world = openWorld()
    const known = await submitted(world, { limits: { deadlineMs: 10 ** 6 } })
    const a = world.start('a')
    const call = () => Promise.resolve(failure(1, { retryAfterMs: 500_000 }))
    const carried = carryOut(known, a.ports(stepsOf({ call })), never)
    await world.pass(50)
    world.write(happened.cancelled(), control, 'cancellation')
    expect(await world.until(carried)).toMatchObject({ is: 'done', state: { outcome: 'cancelled' } })
    expect(world.scheduler.now).toBeLessThan(1_000)
  })

  test('that came before the owner did is not missed', async () => {
    const world = openWorld()
    const a = world.start('a')
    const known = await submitted(world)
    world.write(happened.cancelled(), control, 'cancellation')
    await world.pass(50)
    const steps = stepsOf()
    expect(await world.until(carryOut(known, a.ports(steps), never))).toMatchObject({ state: { outcome: 'cancelled' } })
    expect(steps.calls).toEqual([])
  })
})

describe('a run taken over', () => {
  async function begun(world: World): Promise<void> {
    await submitted(world)
    const write = (event: Parameters<World['write']>[0], seq: number, id: string, prev: string): void =>
      world.write(event, { run: runId, seq, prev }, id)
    write(happened.started(), 1, 'e1', 'submission')
    write(happened.attempted(1), 2, 'e2', 'e1')
    await world.pass(50)
  }

  test('is read back before its lost call is recorded, and the next one made', async () => {
    const world = openWorld()
    await begun(world)
    const b = world.start('b')
    const taken = await world.until(load(b))
    const steps = stepsOf()
    await world.until(carryOut(taken!, b.ports(steps), never))
    expect(world.appends().slice(-3)).toEqual([
      ['run.resumed'],
      ['attempt.failed', 'attempt.started'],
      ['attempt.completed', 'run.completed'],
    ])
    expect(steps.calls).toEqual([2])
  })

  test('by two at once goes to one of them', async () => {
    const world = openWorld()
    await begun(world)
    const [b, c] = [world.start('b'), world.start('c')]
    const [forB, forC] = [await world.until(load(b)), await world.until(load(c))]
    const [stepsB, stepsC] = [stepsOf(), stepsOf()]
    const results = await world.until(
      Promise.all([carryOut(forB!, b.ports(stepsB), never), carryOut(forC!, c.ports(stepsC), never)]),
    )
    expect(results.map(({ is }) => is).sort()).toEqual(['done', 'lost'])
    expect([...stepsB.calls, ...stepsC.calls]).toEqual([2])
  })

  test('by two at once is called for by nobody before the log has told whose it is', async () => {
    const world = openWorld()
    await begun(world)
    const [b, c] = [world.start('b'), world.start('c')]
    const [forB, forC] = [await world.until(load(b)), await world.until(load(c))]
    b.deafen()
    c.deafen()
    world.write({ ...happened.submitted(), subject: 'other' }, { run: 'other', seq: 0, prev: '' }, 'other')
    const [stepsB, stepsC] = [stepsOf(), stepsOf()]
    const carried = [carryOut(forB!, b.ports(stepsB), never), carryOut(forC!, c.ports(stepsC), never)]
    await world.pass(1_000)
    expect([...stepsB.calls, ...stepsC.calls]).toEqual([])
    b.hear()
    c.hear()
    expect((await world.until(Promise.all(carried))).map(({ is }) => is).sort()).toEqual(['done', 'lost'])
  })

  test('a recorded completion is not paid again', async () => {
    const world = openWorld()
    await begun(world)
    world.write(happened.answered(1), { run: runId, seq: 3, prev: 'e2' }, 'e3')
    await world.pass(50)
    const b = world.start('b')
    const steps = stepsOf()
    const taken = await world.until(load(b))
    expect(await world.until(carryOut(taken!, b.ports(steps), never))).toMatchObject({
      state: { outcome: 'accepted', answer: 1 },
    })
    expect(steps.calls).toEqual([])
  })

  test('a third time without a step in between is closed as poison', async () => {
    const world = openWorld()
    await begun(world)
    world.write(happened.resumed(1), { run: runId, seq: 3, prev: 'e2' }, 'e3')
    world.write(happened.resumed(2), { run: runId, seq: 4, prev: 'e3' }, 'e4')
    await world.pass(50)
    const b = world.start('b')
    const steps = stepsOf()
    const taken = await world.until(load(b))
    expect(await world.until(carryOut(taken!, b.ports(steps), never))).toMatchObject({
      state: { outcome: 'failed', reason: 'poison' },
    })
    expect(steps.calls).toEqual([])
  })
})
