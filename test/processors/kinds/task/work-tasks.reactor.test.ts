/** What a worker does with a task it is handed: given a delivery, when others are at it too, then one run. */
import { describe, expect, test } from 'vitest'
import { parkOn } from '#processors/journal/park.ts'
import { workTasks } from '#processors/kinds/task/work-tasks.reactor.ts'
import type { Delivery } from '#processors/ports/work-share.ts'
import type { Steps } from '#processors/runs/steps.ts'
import {
  codec,
  hangs,
  openWorld,
  type Process,
  recordOf,
  stepsOf,
  submitted,
  type World,
} from '#test/processors/runs/quiet-world.ts'
import { happened, runId } from '#test/processors/runs/run-script.ts'

const never = new AbortController().signal
const nothing = (): Promise<void> => Promise.resolve()

function worker(process: Process, steps: Steps, signal = never, died?: () => boolean) {
  const { log, journal, clock } = process
  const park = parkOn({ journal, clock, report: () => {}, signal })
  const reactor = workTasks({ ...process.ports(steps), log, codec, park, ...(died === undefined ? {} : { died }) })
  return (delivery: Delivery) => reactor.react(delivery, signal)
}

/** The submission as the share hands it out. */
async function handed(world: World, process: Process): Promise<Delivery> {
  await world.until(process.feed.catchUp())
  for await (const [record] of process.log.read({ topic: 'runs.v1', partition: 0, offset: 0 }, { batchSize: 1 })) {
    const position = { topic: 'runs.v1', partition: 0, offset: 0 }
    return { record: record!, position, redelivered: false, done: nothing, release: nothing }
  }
  throw new Error('there is no submission')
}

async function given(world: World, process: Process): Promise<Delivery> {
  return await world.until(handed(world, process))
}

describe('a worker that is handed a task', () => {
  test('carries it out', async () => {
    const world = openWorld()
    await submitted(world)
    const a = world.start('a')
    const steps = stepsOf()
    expect(await world.until(worker(a, steps)(await given(world, a)))).toBe('done')
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'accepted' }])
  })

  test('that has ended has nothing to do', async () => {
    const world = openWorld()
    await submitted(world)
    world.write(happened.completed('failed'), { run: runId, seq: 1, prev: 'submission' }, 'e1')
    await world.pass(10)
    const a = world.start('a')
    const steps = stepsOf()
    expect(await world.until(worker(a, steps)(await given(world, a)))).toBe('done')
    expect(steps.calls).toEqual([])
  })

  test('that somebody carries out where it was asked for leaves it to them', async () => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const a = world.start('a')
    expect(await world.until(worker(a, stepsOf())(await given(world, a)))).toBe('done')
    expect(world.types()).toEqual(['task.submitted'])
  })

  test('and told to stop lets another have it', async () => {
    const world = openWorld()
    await submitted(world)
    const a = world.start('a')
    const stop = new AbortController()
    const working = worker(a, stepsOf({ call: hangs }), stop.signal)(await given(world, a))
    await world.pass(100)
    stop.abort()
    expect(await world.until(working)).toBe('again')
  })

  test('twice carries it out once', async () => {
    const world = openWorld()
    await submitted(world)
    const a = world.start('a')
    const steps = stepsOf()
    const work = worker(a, steps)
    const delivery = await given(world, a)
    const first = work(delivery)
    await world.pass(2)
    expect(await world.until(Promise.all([first, work(delivery)]))).toEqual(['done', 'done'])
    expect(steps.calls).toEqual([1])
    expect(world.types()).not.toContain('run.resumed')
  })
})

describe('a worker that loses a run to another', () => {
  async function raced(world: World, call?: Parameters<typeof stepsOf>[0]) {
    await submitted(world)
    const [a, b] = [world.start('a'), world.start('b')]
    const deliveries = [await given(world, a), await given(world, b)] as const
    const stepsB = stepsOf()
    const first = worker(a, stepsOf(call))(deliveries[0])
    const second = worker(b, stepsB)(deliveries[1])
    return { a, b, first, second, stepsB }
  }

  test('keeps what it was handed until the run has ended', async () => {
    const world = openWorld()
    const answered = Promise.withResolvers<void>()
    const call = async () => {
      await answered.promise
      return { type: 'attempt.completed', data: happened.answered(1).data } as never
    }
    const { first, second, stepsB } = await raced(world, { call })
    let finished = false
    void second.then(() => (finished = true))
    await world.pass(10_000)
    expect(finished).toBe(false)
    answered.resolve()
    expect(await world.until(Promise.all([first, second]))).toEqual(['done', 'done'])
    expect(stepsB.calls).toEqual([])
  })

  test('takes it over when the other is heard no more', async () => {
    const world = openWorld()
    const { a, second, stepsB } = await raced(world, { call: hangs })
    await world.pass(1_000)
    world.scheduler.kill(a.life)
    expect(await world.until(second)).toBe('done')
    expect(stepsB.calls).toEqual([2])
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'accepted', attempt: 2 }])
  })
})

describe('a run that cannot be read', () => {
  test('for its submission is parked, and closed as failed', async () => {
    const world = openWorld()
    const a = world.start('a')
    const record = recordOf(happened.submitted(), { run: runId, seq: 0, prev: '' }, 'submission')
    await world.until(a.log.append('runs.v1', [{ ...record, value: new Uint8Array([9]) }]))
    expect(await world.until(worker(a, stepsOf())(await given(world, a)))).toBe('done')
    expect(world.types()).toEqual(['task.submitted', 'record.parked', 'run.completed'])
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'failed', reason: 'poison' }])
  })

  test('for an event in its middle is parked, and closed as failed with the number of its calls', async () => {
    const world = openWorld()
    await submitted(world)
    const a = world.start('a')
    const started = recordOf(happened.started(), { run: runId, seq: 1, prev: 'submission' }, 'e1')
    const attempted = recordOf(happened.attempted(1), { run: runId, seq: 2, prev: 'e1' }, 'e2')
    await world.until(a.log.append('runs.v1', [{ ...started, value: new Uint8Array([9]) }, attempted]))
    expect(await world.until(worker(a, stepsOf())(await given(world, a)))).toBe('done')
    expect(world.types().slice(3)).toEqual(['record.parked', 'run.completed'])
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'failed', reason: 'poison', attempts: 1 }])
  })

  test.each([
    ['a type', { ce_type: 'run.praised' }, undefined],
    ['a schema', {}, new Uint8Array([0, 0, 0, 0, 1, 2, 3])],
  ])(
    'because a newer version wrote %s to it is left to that version, which is said once',
    async (_, headers, value) => {
      const world = openWorld()
      await submitted(world)
      const a = world.start('a')
      const record = recordOf(happened.started(), { run: runId, seq: 1, prev: 'submission' }, 'e1')
      const foreign = { ...record, headers: { ...record.headers, ...headers }, value: value ?? record.value }
      await world.until(a.log.append('runs.v1', [foreign]))
      const work = worker(a, stepsOf())
      const delivery = await given(world, a)
      expect(await world.until(work(delivery))).toBe('again')
      expect(await world.until(work(delivery))).toBe('again')
      expect(world.types()).toHaveLength(2)
      const said = a.signals.filter(({ signal }) => signal === 'log.warning')
      expect(said).toMatchObject([{ message: expect.stringContaining(runId) as string }])
    },
  )
})

describe('a run that another carries out', () => {
  test('[run.resumes] is not taken over for a long call, however often it is handed out', async () => {
    const world = openWorld()
    await submitted(world, { limits: { deadlineMs: 600_000, attemptTimeoutMs: 500_000 } })
    const a = world.start('a')
    const answered = Promise.withResolvers<void>()
    const call = async () => {
      await answered.promise
      return { type: 'attempt.completed', data: happened.answered(1).data } as never
    }
    const first = worker(a, stepsOf({ call }))(await given(world, a))
    await world.pass(1_000)
    const others = ['b', 'c', 'd'].map((name) => world.start(name))
    const later: Promise<string>[] = []
    for (const other of others) {
      later.push(worker(other, stepsOf())({ ...(await given(world, other)), redelivered: true }))
      await world.pass(60_000)
    }
    answered.resolve()
    expect(await world.until(Promise.all([first, ...later]))).toEqual(['done', 'done', 'done', 'done'])
    expect(world.types()).not.toContain('run.resumed')
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'accepted', attempts: 1 }])
  })

  test('is taken over at once when that one is surely dead', async () => {
    const world = openWorld()
    await submitted(world)
    const [a, b] = [world.start('a'), world.start('b')]
    void worker(a, stepsOf({ call: hangs }))(await given(world, a))
    await world.pass(1_000)
    world.scheduler.kill(a.life)
    const before = world.scheduler.now
    const stepsB = stepsOf()
    expect(await world.until(worker(b, stepsB, never, () => true)(await given(world, b)))).toBe('done')
    expect(world.scheduler.now - before).toBeLessThan(5_000)
    expect(stepsB.calls).toEqual([2])
  })
})
