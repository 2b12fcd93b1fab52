/** Putting a task on the log: once for each key (R13), whatever fails on the way. */
import { describe, expect, test } from 'vitest'
import { cancelTask } from '#processors/kinds/task/cancel-task.command.ts'
import type { SubmitPorts } from '#processors/kinds/submit-run.command.ts'
import { submitTask, type SubmitOptions } from '#processors/kinds/task/submit-task.command.ts'
import type { TaskDefaults, TaskRequest } from '#processors/kinds/task/task.spec.ts'
import { codec, openWorld, type Process, type World } from '#test/processors/runs/quiet-world.ts'
import { happened } from '#test/processors/runs/run-script.ts'

const defaults: TaskDefaults = {
  route: () => [{ provider: 'one', model: 'm' }],
  temperature: undefined,
  maxTokens: undefined,
  attempts: 6,
  attemptTimeoutMs: 10_000,
  deadlineMs: 60_000,
  retrieval: undefined,
  folder: undefined,
}

type TaskPorts = SubmitPorts & { readonly defaults: () => TaskDefaults | Promise<TaskDefaults> }

function portsOf({ journal, feed, clock, log }: Process, given: Partial<TaskPorts> = {}): TaskPorts {
  return {
    journal,
    feed,
    clock,
    defaults: () => defaults,
    async submitted(runId) {
      for await (const batch of log.read({ topic: 'runs.v1', partition: 0, offset: 0 })) {
        for (const record of batch) {
          if (record.key !== runId || feed.isRejected(0, record.offset)) continue
          const { bodyHash } = codec.decode('task.submitted', record.value)
          return {
            id: record.headers['ce_id']!,
            bodyHash,
            position: { topic: 'runs.v1', partition: 0, offset: record.offset },
          }
        }
      }
      return undefined
    },
    ...given,
  }
}

const key = (idempotencyKey: string, principal = 'local'): SubmitOptions => ({
  principal,
  interactive: false,
  idempotencyKey,
})
const noKey: SubmitOptions = { principal: 'local', interactive: false }
const accepted = (world: World): readonly string[] => world.types().filter((type) => type === 'task.submitted')

describe('the same key: embedded log', () => {
  test('with the same body, in whatever order its fields are, is the same run', async () => {
    const world = openWorld()
    const ports = portsOf(world.start('a'))
    const first = await world.until(submitTask(ports, { prompt: 'p', tags: { a: '1', b: '2' } }, key('k')))
    const again = await world.until(submitTask(ports, { tags: { b: '2', a: '1' }, prompt: 'p' }, key('k')))
    expect(first).toMatchObject({ repeated: false })
    expect(again).toEqual({ runId: first.runId, position: first.position, repeated: true })
    expect(world.types()).toEqual(['task.submitted'])
  })

  test.for<TaskRequest>([{ prompt: 'q' }, { prompt: 'p', k: 3 }, { prompt: 'p', tags: { a: '1' } }])(
    'with another body is refused: %j',
    async (other) => {
      const world = openWorld()
      const ports = portsOf(world.start('a'))
      await world.until(submitTask(ports, { prompt: 'p' }, key('k')))
      await expect(world.until(submitTask(ports, other, key('k')))).rejects.toMatchObject({
        code: 'idempotency.conflict',
      })
      expect(accepted(world)).toHaveLength(1)
    },
  )

  test('is answered from the log, whatever the settings are by now', async () => {
    const world = openWorld()
    const process = world.start('a')
    const first = await world.until(submitTask(portsOf(process), { prompt: 'p' }, key('k')))
    const broken = portsOf(process, { defaults: () => Promise.reject(new Error('no provider any more')) })
    expect(await world.until(submitTask(broken, { prompt: 'p' }, key('k')))).toMatchObject({
      runId: first.runId,
      repeated: true,
    })
  })

  test('of two principals is two runs', async () => {
    const world = openWorld()
    const ports = portsOf(world.start('a'))
    const one = await world.until(submitTask(ports, { prompt: 'p' }, key('k', 'anna')))
    const two = await world.until(submitTask(ports, { prompt: 'p' }, key('k', 'bert')))
    expect(one.runId).not.toBe(two.runId)
  })

  test('[run.single] asked for many times at once in two processes is one run', async () => {
    const world = openWorld()
    const processes = [portsOf(world.start('a')), portsOf(world.start('b'))]
    const asked = Array.from({ length: 10 }, (_, n) => submitTask(processes[n % 2]!, { prompt: 'p' }, key('k')))
    const answers = await world.until(Promise.all(asked))
    expect(new Set(answers.map(({ runId }) => runId)).size).toBe(1)
    expect(new Set(answers.map(({ position }) => position.offset)).size).toBe(1)
    expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1)
    expect(accepted(world)).toHaveLength(1)
  })

  test('with two bodies at once has one that wins, and the other is refused', async () => {
    const world = openWorld()
    const [a, b] = [portsOf(world.start('a')), portsOf(world.start('b'))]
    const asked = [submitTask(a, { prompt: 'p' }, key('k')), submitTask(b, { prompt: 'q' }, key('k'))]
    const answers = await world.until(Promise.allSettled(asked))
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'idempotency.conflict' },
    })
  })
})

describe('an append: embedded log', () => {
  test.for(['append.outcome-unknown', 'written, append.outcome-unknown'] as const)(
    '[append.once] of unknown outcome (%s) is made once more, and is one run of its owner',
    async (failure) => {
      const world = openWorld()
      const process = world.start('a')
      process.appendFailures.push(failure)
      const task = await world.until(submitTask(portsOf(process), { prompt: 'p' }, { ...key('k'), interactive: true }))
      expect(task).toMatchObject({ repeated: false, event: { type: 'task.submitted' } })
      expect(accepted(world)).toHaveLength(1)
    },
  )

  test('of unknown outcome without a key is one run too', async () => {
    const world = openWorld()
    const process = world.start('a')
    process.appendFailures.push('written, append.outcome-unknown')
    await world.until(submitTask(portsOf(process), { prompt: 'p' }, noKey))
    expect(accepted(world)).toHaveLength(1)
  })

  test('that is refused is refused: nothing is said to be there', async () => {
    const world = openWorld()
    const process = world.start('a')
    process.appendFailures.push('log.unavailable')
    await expect(world.until(submitTask(portsOf(process), { prompt: 'p' }, key('k')))).rejects.toMatchObject({
      code: 'log.unavailable',
    })
    expect(world.types()).toEqual([])
  })
})

describe('cancelling: embedded log', () => {
  async function running(world: World) {
    const process = world.start('a')
    const { runId } = await world.until(submitTask(portsOf(process), { prompt: 'p' }, noKey))
    const head = process.feed.chain(runId)!
    return { process, runId, head }
  }

  test('an open run asks for its end, twice as once', async () => {
    const world = openWorld()
    const { process, runId } = await running(world)
    await world.until(cancelTask(process, runId, { principal: 'local', reason: 'enough' }))
    await world.until(cancelTask(process, runId, { principal: 'local' }))
    expect(process.feed.chain(runId)).toMatchObject({ seq: 0, cancelled: true, closed: false })
    expect(world.data('task.cancelled')[0]).toMatchObject({ reason: 'enough', principal: 'local' })
  })

  test('a run nobody knows is named so', async () => {
    const world = openWorld()
    await expect(cancelTask(world.start('a'), 'none', { principal: 'local' })).rejects.toMatchObject({
      code: 'run.unknown',
    })
  })

  test('a run that has ended, or ends just before, leaves it as it ended', async () => {
    const world = openWorld()
    const { process, runId, head } = await running(world)
    world.write(
      { ...happened.completed('accepted', 1), subject: runId },
      { run: runId, seq: 1, prev: head.lastId },
      'end',
    )
    // Not seen here yet, so the log decides.
    await expect(world.until(cancelTask(process, runId, { principal: 'local' }))).rejects.toMatchObject({
      code: 'run.closed',
    })
    expect(process.feed.chain(runId)).toMatchObject({ closed: true, cancelled: false })
    await expect(world.until(cancelTask(process, runId, { principal: 'local' }))).rejects.toMatchObject({
      code: 'run.closed',
    })
  })
})
