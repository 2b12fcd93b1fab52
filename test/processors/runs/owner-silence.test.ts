/** When a run that somebody else began may be taken over. */
import { describe, expect, test } from 'vitest'
import { bounds } from '#processors/runs/limits.ts'
import { ownerIsGone } from '#processors/runs/owner-silence.ts'
import type { RunState } from '#processors/runs/run.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { openWorld, type Process, submitted, type World } from './quiet-world.ts'
import { fold, happened, runId } from './run-script.ts'

const limits = { deadlineMs: 600_000, attemptTimeoutMs: 60_000 }
const silentMs = limits.deadlineMs + 2 * bounds.verdictMs
const never = new AbortController().signal

async function given(...events: readonly AnyNewEvent[]) {
  const world = openWorld()
  await submitted(world, { limits })
  const a = world.start('z')
  await world.until(a.feed.catchUp())
  return { world, a, run: fold([happened.submitted({ limits }), ...events]) }
}

function asks(process: Process, run: RunState, given: { worker?: string; died?: boolean; signal?: AbortSignal } = {}) {
  const { worker = 'z', died, signal = never } = given
  const ports = { feed: process.feed, clock: process.clock, worker }
  return ownerIsGone(run, died === undefined ? ports : { ...ports, died: () => died }, signal)
}

async function isAtOnce(world: World, answer: Promise<boolean>): Promise<boolean> {
  const before = world.scheduler.now
  return (await world.until(answer)) && world.scheduler.now - before < 5_000
}

describe('at once', () => {
  test('when nobody began it', async () => {
    const { world, a, run } = await given()
    expect(await isAtOnce(world, asks(a, run))).toBe(true)
  })

  test('when this very process did', async () => {
    const { world, a, run } = await given(happened.started())
    expect(await isAtOnce(world, asks(a, run, { worker: 'a' }))).toBe(true)
  })

  test('when its owner is surely dead', async () => {
    const { world, a, run } = await given(happened.started(), happened.attempted(1))
    expect(await isAtOnce(world, asks(a, run, { died: true }))).toBe(true)
  })

  test('when its owner gave its call up because it was told to stop', async () => {
    const stopped = happened.failed(1, { code: 'cancelled', retryable: false })
    const { world, a, run } = await given(happened.started(), happened.attempted(1), stopped)
    expect(await isAtOnce(world, asks(a, run))).toBe(true)
  })
})

describe('after a silence that is longer', () => {
  test('than a step of a living owner', async () => {
    const { world, a, run } = await given(happened.started())
    expect(await world.until(asks(a, run))).toBe(true)
    expect(world.scheduler.now).toBeGreaterThanOrEqual(silentMs)
  })

  test('than a call of a living owner, where one is under way', async () => {
    const { world, a, run } = await given(happened.started(), happened.attempted(1))
    const began = world.scheduler.now
    expect(await world.until(asks(a, run))).toBe(true)
    expect(world.scheduler.now - began).toBeGreaterThan(limits.attemptTimeoutMs + bounds.verdictMs)
    expect(world.scheduler.now - began).toBeLessThan(limits.deadlineMs / 2)
  })

  test('also where its process is there, but stopped', async () => {
    const { world, a, run } = await given(happened.started())
    expect(await world.until(asks(a, run, { died: false }))).toBe(true)
    expect(world.scheduler.now).toBeGreaterThanOrEqual(silentMs)
  })

  test('of the one who took over from a stopped one', async () => {
    const stopped = happened.failed(1, { code: 'cancelled', retryable: false })
    const { world, a, run } = await given(happened.started(), happened.attempted(1), stopped, happened.resumed())
    expect(await isAtOnce(world, asks(a, run))).toBe(false)
  })
})

describe('not yet', () => {
  test('when something happened to it meanwhile', async () => {
    const { world, a, run } = await given(happened.started())
    const waiting = asks(a, run)
    await world.pass(1_000)
    world.write(happened.completed('failed'), { run: runId, seq: 1, prev: 'submission' }, 'e1')
    expect(await world.until(waiting)).toBe(false)
    expect(world.scheduler.now).toBeLessThan(2_000)
  })

  test('but what the referee refuses is no sign of life', async () => {
    const { world, a, run } = await given(happened.started())
    const waiting = asks(a, run)
    await world.pass(1_000)
    world.write(happened.started(), { run: runId, seq: 1, prev: 'another' }, 'e1')
    expect(await world.until(waiting)).toBe(true)
  })

  test('when the process is told to stop', async () => {
    const { world, a, run } = await given(happened.started())
    const stop = new AbortController()
    const waiting = asks(a, run, { signal: stop.signal })
    await world.pass(1_000)
    stop.abort()
    expect(await world.until(waiting)).toBe(false)
    expect(world.scheduler.now).toBeLessThan(3_000)
  })
})
