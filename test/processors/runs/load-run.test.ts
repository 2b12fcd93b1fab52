/** A run as the log tells it, for an owner that takes it over. */
import { describe, expect, test } from 'vitest'
import { loadRun } from '#processors/runs/load-run.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { codec, openWorld, type Process, recordOf, submitted, type World } from './quiet-world.ts'
import { happened, runId } from './run-script.ts'

const at = (offset: number) => ({ topic: 'runs.v1', partition: 0, offset }) as const

function load({ log, feed }: Process, offset = 0) {
  return loadRun(runId, at(offset), { log, codec, feed })
}

function link(world: World, event: AnyNewEvent, seq: number, [prev, id]: [string, string]): void {
  world.write(event, { run: runId, seq, prev }, id)
}

describe('a run is loaded', () => {
  test('with its state and the last event of its chain', async () => {
    const world = openWorld()
    await submitted(world)
    link(world, happened.started(), 1, ['submission', 'e1'])
    link(world, happened.attempted(1), 2, ['e1', 'e2'])
    await world.pass(10)
    const known = await world.until(load(world.start('a')))
    expect(known).toMatchObject({ head: { seq: 2, id: 'e2' }, state: { owner: 'a', attempts: [{ attempt: 1 }] } })
  })

  test('without what the referee refused', async () => {
    const world = openWorld()
    await submitted(world)
    link(world, happened.started(), 1, ['submission', 'e1'])
    link(world, happened.completed('failed'), 1, ['submission', 'zombie'])
    link(world, happened.completed('failed'), 2, ['zombie', 'zombie2'])
    await world.pass(10)
    const known = await world.until(load(world.start('a')))
    expect(known).toMatchObject({ head: { seq: 1, id: 'e1' } })
    expect(known?.state.outcome).toBeUndefined()
  })

  test('with a cancellation, which is no link of its chain', async () => {
    const world = openWorld()
    await submitted(world)
    link(world, happened.cancelled(), -1, ['', 'cancellation'])
    await world.pass(10)
    const known = await world.until(load(world.start('a')))
    expect(known).toMatchObject({ head: { seq: 0, id: 'submission' }, state: { cancelled: true } })
  })

  test('among the events of others', async () => {
    const world = openWorld()
    await submitted(world)
    for (let n = 0; n < 30; n += 1) {
      const other = { ...happened.submitted(), subject: `other-${n}` }
      world.write(other, { run: `other-${n}`, seq: 0, prev: '' }, `o${n}`)
    }
    link(world, happened.started(), 1, ['submission', 'e1'])
    await world.pass(10)
    expect((await world.until(load(world.start('a'))))?.head).toEqual({ seq: 1, id: 'e1' })
  })

  test('once its feed has come to the submission', async () => {
    const world = openWorld()
    const a = world.start('a')
    const loading = load(a)
    await world.pass(100)
    await submitted(world)
    expect(await world.until(loading)).toMatchObject({ head: { seq: 0 } })
  })

  test('no further than its feed has judged', async () => {
    const world = openWorld()
    await submitted(world)
    const a = world.start('a')
    await world.pass(10)
    a.life.paused = true
    link(world, happened.started(), 1, ['submission', 'e1'])
    await world.pass(10)
    const judgedSoFar = { ...a.feed, next: () => 1 }
    const known = await world.until(loadRun(runId, at(0), { log: world.start('b').log, codec, feed: judgedSoFar }))
    expect(known?.head).toEqual({ seq: 0, id: 'submission' })
  })
})

describe('there is no run', () => {
  test('at a second submission', async () => {
    const world = openWorld()
    await submitted(world)
    link(world, happened.submitted(), 0, ['', 'again'])
    link(world, happened.started(), 1, ['submission', 'e1'])
    await world.pass(10)
    expect(await world.until(load(world.start('a'), 1))).toBeUndefined()
  })

  test('at the record of another', async () => {
    const world = openWorld()
    const other = { ...happened.submitted(), subject: 'other' }
    world.write(other, { run: 'other', seq: 0, prev: '' }, 'o')
    await world.pass(10)
    expect(await world.until(load(world.start('a')))).toBeUndefined()
  })
})

describe('a run is not gone on with', () => {
  test('when one of its events is broken', async () => {
    const world = openWorld()
    await submitted(world)
    const record = recordOf(happened.started(), { run: runId, seq: 1, prev: 'submission' }, 'e1')
    const a = world.start('a')
    await world.until(a.log.append('runs.v1', [{ ...record, value: new Uint8Array([0, 9]) }]))
    await expect(world.until(load(a))).rejects.toMatchObject({ code: 'event.undecodable' })
  })

  test('when a newer version wrote one of its events', async () => {
    const world = openWorld()
    await submitted(world)
    const record = recordOf(happened.started(), { run: runId, seq: 1, prev: 'submission' }, 'e1')
    const a = world.start('a')
    await world.until(a.log.append('runs.v1', [{ ...record, headers: { ...record.headers, ce_type: 'run.praised' } }]))
    await expect(world.until(load(a))).rejects.toMatchObject({ code: 'event.unknown' })
  })
})
