/** Waiting while somebody else carries a run out. */
import { expect, test } from 'vitest'
import { bounds } from '#processors/runs/limits.ts'
import { ownerIsSilent } from '#processors/runs/owner-silence.ts'
import { openWorld, submitted } from './quiet-world.ts'
import { happened, runId } from './run-script.ts'

const limits = { deadlineMs: 60_000 }
const silentMs = limits.deadlineMs + 2 * bounds.verdictMs

test('it ends when the run does', async () => {
  const world = openWorld()
  const { state } = await submitted(world, { limits })
  const a = world.start('a')
  await world.until(a.feed.catchUp())
  const waiting = ownerIsSilent(state, a, new AbortController().signal)
  await world.pass(1_000)
  world.write(happened.completed('failed'), { run: runId, seq: 1, prev: 'submission' }, 'e1')
  await world.until(waiting)
  expect(world.scheduler.now).toBeLessThan(2_000)
  await world.until(ownerIsSilent(state, a, new AbortController().signal))
})

test('it ends when nothing has been heard for longer than a living owner is silent', async () => {
  const world = openWorld()
  const { state } = await submitted(world, { limits })
  const a = world.start('a')
  await world.until(a.feed.catchUp())
  const waiting = ownerIsSilent(state, a, new AbortController().signal)
  await world.pass(silentMs - 1_000)
  world.write(happened.started(), { run: runId, seq: 1, prev: 'submission' }, 'e1')
  await world.until(waiting)
  expect(world.scheduler.now).toBeGreaterThanOrEqual(2 * silentMs - 1_000)
})

test('what the referee refuses is no sign of life', async () => {
  const world = openWorld()
  const { state } = await submitted(world, { limits })
  const a = world.start('a')
  await world.until(a.feed.catchUp())
  const began = world.scheduler.now
  const waiting = ownerIsSilent(state, a, new AbortController().signal)
  await world.pass(silentMs - 1_000)
  world.write(happened.started(), { run: runId, seq: 1, prev: 'another' }, 'e1')
  await world.until(waiting)
  expect(world.scheduler.now - began).toBeLessThan(silentMs + 100)
})

test('it ends when the process is told to stop', async () => {
  const world = openWorld()
  const { state } = await submitted(world, { limits })
  const a = world.start('a')
  await world.until(a.feed.catchUp())
  const stop = new AbortController()
  const waiting = ownerIsSilent(state, a, stop.signal)
  await world.pass(1_000)
  stop.abort()
  await world.until(waiting)
  expect(world.scheduler.now).toBeLessThan(3_000)
})
