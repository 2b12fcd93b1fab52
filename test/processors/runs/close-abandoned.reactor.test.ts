/** The sweeper (R9): which interactive runs it closes, when, and that nobody can take it back. */
import { describe, expect, test } from 'vitest'
import { closeAbandoned, graceMs } from '#processors/runs/close-abandoned.reactor.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import { type Call, openWorld, stepsOf, submitted, type Process, type World } from './quiet-world.ts'
import { happened, runId } from './run-script.ts'

const deadlineMs = 60_000

interface Sweeping {
  readonly world: World
  readonly process: Process
  sweep(): Promise<readonly string[]>
  open: { runId: string; worker: string | null; deadlineMs: number }[]
}

/** A sweeper on a process whose wall clock is off. `died` is what its locks say of the owner. */
function sweeping(
  world: World,
  given: {
    died?: boolean
    wallOffMs?: number
    worker?: string | null
    attempts?: () => Promise<number | undefined>
  } = {},
): Sweeping {
  const process = world.start('sweeper')
  const self: Sweeping = {
    world,
    process,
    open: [{ runId, worker: given.worker === undefined ? 'owner' : given.worker, deadlineMs }],
    sweep: () => world.until(sweeper.sweep()),
  }
  const sweeper = closeAbandoned({
    journal: process.journal,
    feed: process.feed,
    clock: { ...process.clock, now: () => process.clock.now() + (given.wallOffMs ?? 0) },
    open: () => Promise.resolve(self.open),
    attempts: given.attempts ?? (() => Promise.resolve(0)),
    died: () => given.died,
  })
  return self
}

describe('an open interactive run', () => {
  test.for([0, -3_600_000, 3_600_000])(
    'of an owner who may live is left alone until its deadline and the grace are over, with the wall clock %d ms off',
    async (wallOffMs) => {
      const world = openWorld()
      await submitted(world, { interactive: true })
      const { sweep } = sweeping(world, { died: false, wallOffMs })
      await world.pass(10)
      expect(await sweep()).toEqual([])
      await world.pass(deadlineMs + graceMs - 1000)
      expect(await sweep()).toEqual([])
      await world.pass(1000)
      expect(await sweep()).toEqual([runId])
      expect(world.data('run.completed')).toMatchObject([{ outcome: 'abandoned', attempt: null }])
    },
  )

  test.for([
    ['is on another machine', undefined],
    ['was never known', undefined],
  ] as const)('whose owner %s is timed from when it was first seen', async ([, died]) => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const { sweep } = sweeping(world, { ...(died === undefined ? {} : { died }), worker: null })
    await world.pass(deadlineMs * 3)
    expect(await sweep()).toEqual([])
    await world.pass(deadlineMs + graceMs)
    expect(await sweep()).toEqual([runId])
  })

  test('whose owner is surely dead is closed at once', async () => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const { sweep } = sweeping(world, { died: true })
    await world.pass(10)
    expect(await sweep()).toEqual([runId])
    expect(world.types()).toEqual(['task.submitted', 'run.completed'])
  })

  test('is closed with the number of its calls, once that is known', async () => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const counts = [undefined, 2]
    const { sweep } = sweeping(world, { died: true, attempts: () => Promise.resolve(counts.shift()) })
    await world.pass(10)
    expect(await sweep()).toEqual([])
    expect(await sweep()).toEqual([runId])
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'abandoned', attempts: 2 }])
  })

  test('that goes on while its calls are counted is left alone', async () => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const attempts = async () => {
      world.write(happened.started(), { run: runId, seq: 1, prev: 'submission' }, 'e1')
      await world.pass(10)
      return 0
    }
    const { process, open } = sweeping(world)
    await world.pass(10)
    const sweeper = closeAbandoned({ ...process, open: () => Promise.resolve(open), attempts, died: () => true })
    expect(await sweeper.sweep()).toEqual([])
    expect(world.types()).toEqual(['task.submitted', 'run.started'])
  })

  test('is closed once by two sweepers at once', async () => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const [one, two] = [sweeping(world, { died: true }), sweeping(world, { died: true })]
    await world.pass(10)
    const closed = await Promise.all([one.sweep(), two.sweep()])
    expect(closed.flat().length).toBeLessThanOrEqual(1)
    expect(world.types().filter((type) => type === 'run.completed')).toHaveLength(1)
  })

  test('that ended meanwhile is left as it ended', async () => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const { sweep } = sweeping(world, { died: true })
    world.write(happened.completed('cancelled'), { run: runId, seq: 1, prev: 'submission' }, 'ended')
    await world.pass(10)
    expect(await sweep()).toEqual([])
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'cancelled' }])
  })

  test('is forgotten when it is no longer open, and timed anew when it is seen again', async () => {
    const world = openWorld()
    await submitted(world, { interactive: true })
    const self = sweeping(world)
    const open = self.open
    await self.sweep()
    await world.pass(deadlineMs + graceMs)
    self.open = []
    expect(await self.sweep()).toEqual([])
    self.open = open
    expect(await self.sweep()).toEqual([])
  })
})

test('[run.single] [verdict.closed] a zombie that wakes after the sweeper loses by the chain', async () => {
  const world = openWorld()
  const owner = world.start('owner')
  const known = await submitted(world, { interactive: true })
  const call = Promise.withResolvers<Awaited<ReturnType<Call>>>()
  const carrying = carryOut(known, owner.ports(stepsOf({ call: () => call.promise })), new AbortController().signal)
  await world.pass(10)
  const { sweep } = sweeping(world, { died: true })
  await world.pass(10)
  expect(await sweep()).toEqual([runId])
  call.resolve(happened.answered(1) as never)
  expect(await world.until(carrying)).toMatchObject({ is: 'lost' })
  expect(world.data('run.completed')).toMatchObject([{ outcome: 'abandoned' }])
})
