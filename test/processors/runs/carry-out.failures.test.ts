/** One owner when something fails: the log, a step, or its own process is told to stop. */
import { describe, expect, test } from 'vitest'
import { Failure, isFailure } from '#processors/ports/failure.ts'
import { carryOut } from '#processors/runs/carry-out.ts'
import type { KnownRun } from '#processors/runs/known-run.ts'
import { bounds } from '#processors/runs/limits.ts'
import { loadRun } from '#processors/runs/load-run.ts'
import { codec, failure, hangs, openWorld, type Process, stepsOf, submitted } from './quiet-world.ts'
import { runId } from './run-script.ts'

const never = new AbortController().signal
const submission = { topic: 'runs.v1', partition: 0, offset: 0 } as const
const validator = 'v'
const retrieval = { query: 'q', corpora: ['docs'], k: 3, threshold: 0 }

function load({ log, feed }: Process): Promise<KnownRun | undefined> {
  return loadRun(runId, submission, { log, codec, feed })
}

describe('when appending fails', () => {
  test('without an outcome, the same records are appended again, and count once', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const a = world.start('a')
    a.appendFailures.push('written, append.outcome-unknown', '', 'append.outcome-unknown')
    expect(await world.until(carryOut(known, a.ports(stepsOf()), never))).toMatchObject({ is: 'done' })
    expect(world.types()).toEqual([
      'task.submitted',
      'run.started',
      'attempt.started',
      'run.started!',
      'attempt.started!',
      'attempt.completed',
      'run.completed',
    ])
  })

  test('the result is kept and nothing new is started until the log takes it', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const a = world.start('a')
    const steps = stepsOf({ call: () => Promise.resolve(failure(1, { retryable: false })) })
    a.appendFailures.push('', ...Array.from({ length: 400 }, (_, n) => (n % 2 ? 'log.full' : 'log.unavailable')))
    const carried = carryOut(known, a.ports(steps), never)
    await world.pass(50_000)
    expect(steps.calls).toEqual([1])
    a.appendFailures.length = 0
    expect(await world.until(carried)).toMatchObject({ is: 'done', state: { outcome: 'failed', reason: 'providers' } })
    expect(steps.calls).toEqual([1])
  })

  test('for ten seconds, who waits for the answer is told', async () => {
    const world = openWorld()
    const known = await submitted(world, { interactive: true })
    const a = world.start('a')
    a.appendFailures.push('', ...Array.from({ length: 400 }, () => 'log.unavailable' as const))
    const error = await world.until(carryOut(known, a.ports(stepsOf()), never).catch((reason: unknown) => reason))
    expect(isFailure(error, 'log.unavailable')).toBe(true)
    expect(world.scheduler.now).toBeGreaterThan(10_000)
    expect(world.scheduler.now).toBeLessThan(11_000)
  })

  test('for good, the owner gives up at once', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const a = world.start('a')
    a.appendFailures.push('record.too-large')
    const error = await world.until(carryOut(known, a.ports(stepsOf()), never).catch((reason: unknown) => reason))
    expect(isFailure(error, 'record.too-large')).toBe(true)
  })
})

describe('every step ends:', () => {
  test('a search that never comes, by the deadline', async () => {
    const world = openWorld()
    const known = await submitted(world, { retrieval, limits: { deadlineMs: 5_000 } })
    const a = world.start('a')
    const aborted: boolean[] = []
    const retrieve = (_run: unknown, signal: AbortSignal) =>
      new Promise<never>(() => signal.addEventListener('abort', () => aborted.push(true)))
    const result = await world.until(carryOut(known, a.ports(stepsOf({ retrieve })), never))
    expect(result).toMatchObject({ is: 'done', state: { outcome: 'failed', reason: 'deadline' } })
    expect(aborted).toEqual([true])
    expect(Math.round(world.scheduler.now / 1000)).toBe(5)
  })

  test('a prompt that is never ready, by the deadline', async () => {
    const world = openWorld()
    const known = await submitted(world, { limits: { deadlineMs: 5_000 } })
    const a = world.start('a')
    const result = await world.until(carryOut(known, a.ports(stepsOf({ attempt: () => new Promise(() => {}) })), never))
    expect(result).toMatchObject({ is: 'done', state: { outcome: 'failed', reason: 'deadline' } })
  })

  test('a verdict that never comes, as a failing one', async () => {
    const world = openWorld()
    const known = await submitted(world, { validator, limits: { attempts: 1 } })
    const a = world.start('a')
    const result = await world.until(
      carryOut(known, a.ports(stepsOf({ validate: () => new Promise(() => {}) })), never),
    )
    expect(result).toMatchObject({ is: 'done', state: { outcome: 'rejected', reason: 'attempts' } })
    expect(world.data('verdict.reached')).toMatchObject([{ passed: false, findings: [{ kind: 'Timeout' }] }])
    expect(world.scheduler.now).toBeGreaterThanOrEqual(bounds.verdictMs)
  })

  test('one that throws, with what happened before it on the log', async () => {
    const world = openWorld()
    const known = await submitted(world, { validator })
    const a = world.start('a')
    a.appendFailures.push('', 'log.unavailable')
    const validate = () => Promise.reject(new Error('it broke'))
    const carried = carryOut(known, a.ports(stepsOf({ validate })), never).catch((reason: unknown) => String(reason))
    expect(await world.until(carried)).toBe('Error: it broke')
    expect(world.types().at(-1)).toBe('attempt.completed')
  })
})

describe('what nobody foresaw', () => {
  const broken = () => Promise.reject(new TypeError('nobody foresaw this'))

  test.for([
    ['a search', { retrieve: broken }],
    ['a plan', { attempt: broken }],
    ['a call', { call: broken }],
    ['a verdict', { validate: broken }],
  ] as const)('in %s closes a run that nobody could resume, at once, and is thrown on', async ([, given]) => {
    const world = openWorld()
    const known = await submitted(world, { validator, retrieval, interactive: true })
    const a = world.start('a')
    const carried = carryOut(known, a.ports(stepsOf(given)), never).catch((reason: unknown) => reason)
    expect(await world.until(carried)).toBeInstanceOf(TypeError)
    expect(world.types().at(-1)).toBe('run.completed')
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'failed', reason: 'internal' }])
    expect(world.scheduler.now).toBeLessThan(1_000)
    expect((await world.until(load(world.start('b'))))?.state).toMatchObject({ outcome: 'failed', reason: 'internal' })
  })

  test('is not what a step throws because its caller has gone: that run is cancelled', async () => {
    const world = openWorld()
    const known = await submitted(world, { retrieval, interactive: true })
    const gone = new AbortController()
    const retrieve = (_run: unknown, signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
    const carried = carryOut({ ...known, gone: gone.signal }, world.start('a').ports(stepsOf({ retrieve })), never)
    await world.pass(50)
    gone.abort()
    expect(await world.until(carried)).toMatchObject({ is: 'done', state: { outcome: 'cancelled' } })
  })

  test('has the code of its failure as the reason', async () => {
    const world = openWorld()
    const known = await submitted(world, { validator, interactive: true })
    const validate = () => Promise.reject(new Failure('object.missing', 'the answer is gone'))
    const carried = carryOut(known, world.start('a').ports(stepsOf({ validate })), never).catch(String)
    expect(await world.until(carried)).toContain('the answer is gone')
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'failed', reason: 'object.missing' }])
  })

  test('is behind what is on the log, where a record of the run was refused', async () => {
    const world = openWorld()
    const known = await submitted(world, { interactive: true })
    const a = world.start('a')
    a.appendFailures.push('', 'record.too-large', 'record.too-large')
    const error = await world.until(carryOut(known, a.ports(stepsOf()), never).catch((reason: unknown) => reason))
    expect(isFailure(error, 'record.too-large')).toBe(true)
    expect(world.types()).toEqual(['task.submitted', 'run.started', 'attempt.started', 'run.completed'])
    expect(world.data('run.completed')).toMatchObject([{ outcome: 'failed', reason: 'record.too-large', attempts: 1 }])
  })

  test('leaves a queued run open, for another to take up', async () => {
    const world = openWorld()
    const known = await submitted(world, { validator })
    const carried = carryOut(known, world.start('a').ports(stepsOf({ validate: broken })), never).catch(String)
    await world.until(carried)
    expect(world.types()).not.toContain('run.completed')
    const b = world.start('b')
    const taken = await world.until(load(b))
    expect(await world.until(carryOut(taken!, b.ports(stepsOf()), never))).toMatchObject({ is: 'done' })
  })
})

describe('an owner that is told to stop', () => {
  test('leaves the run open, with what happened on the log', async () => {
    const world = openWorld()
    const known = await submitted(world, { retrieval })
    const a = world.start('a')
    const stop = new AbortController()
    const carried = carryOut(known, a.ports(stepsOf({ call: hangs })), stop.signal)
    await world.pass(50)
    stop.abort()
    expect(await world.until(carried)).toEqual({ is: 'stopped' })
    expect(world.types().at(-1)).toBe('attempt.failed')
  })

  test('before it began leaves the run as it was', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const a = world.start('a')
    expect(await world.until(carryOut(known, a.ports(stepsOf()), AbortSignal.abort()))).toEqual({ is: 'stopped' })
  })

  test('while the log takes nothing, stops all the same', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const a = world.start('a')
    const stop = new AbortController()
    a.appendFailures.push(...Array.from({ length: 100 }, () => 'log.unavailable' as const))
    const carried = carryOut(known, a.ports(stepsOf()), stop.signal)
    await world.pass(1_000)
    stop.abort()
    const left = a.appendFailures.length
    expect(await world.until(carried)).toEqual({ is: 'stopped' })
    expect(left - a.appendFailures.length).toBeLessThanOrEqual(2)
  })

  test('is followed by one that goes on with the same provider', async () => {
    const world = openWorld()
    const known = await submitted(world)
    const a = world.start('a')
    const stop = new AbortController()
    const carried = carryOut(known, a.ports(stepsOf({ call: hangs })), stop.signal)
    await world.pass(50)
    stop.abort()
    await world.until(carried)
    const b = world.start('b')
    const taken = await world.until(load(b))
    const result = await world.until(carryOut(taken!, b.ports(stepsOf()), never))
    expect(result).toMatchObject({ is: 'done', state: { outcome: 'accepted', answer: 2 } })
  })
})
