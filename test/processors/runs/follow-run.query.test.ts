/** Following a run: from its first event on, each once, until it ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { followRun, type RunPlace } from '#processors/runs/follow-run.query.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { chained } from '#test/processors/recorded.ts'
import { happened } from './run-script.ts'

let world: LogWorld
let ended: AbortController
beforeEach(async () => {
  world = await openLogWorld()
  ended = new AbortController()
})
afterEach(async () => {
  ended.abort()
  await world.close()
})

const script: readonly AnyNewEvent[] = [
  happened.submitted(),
  happened.started(),
  happened.attempted(1),
  happened.failed(1),
  happened.waited(),
  happened.attempted(2),
  happened.answered(2),
  happened.judged(2, true),
  happened.completed('accepted', 2),
]
const types = script.map(({ type }) => type)
/** With second copies that never count, and cancellations that do. */
const events = chained('run', script)
const told = [
  'task.submitted',
  'run.started',
  'attempt.started',
  'attempt.failed',
  'task.cancelled',
  'run.waited',
  'attempt.started',
  'attempt.completed',
  'verdict.reached',
  'task.cancelled',
  'run.completed',
]

/** What the lookup store may know of the run: all, some or nothing of it. */
async function placeOf(known: number): Promise<RunPlace> {
  await world.feed.catchUp()
  const records = (await Array.fromAsync(world.log.read({ topic: 'runs.v1', partition: 0, offset: 0 }))).flat()
  const own = records.filter(({ key, offset }) => key === 'run' && offset < known && !world.feed.isRejected(0, offset))
  return { runId: 'run', partition: 0, offsets: own.map(({ offset }) => offset), foldedTo: known }
}

function follow(place: RunPlace, options: { follow?: boolean; after?: number } = {}) {
  const seen: string[] = []
  const offsets: number[] = []
  const following = (async () => {
    for await (const event of followRun(world, place, { follow: true, signal: ended.signal, ...options })) {
      seen.push(event.type)
      offsets.push(event.position.offset)
    }
  })()
  return { seen, offsets, following }
}

describe('a run that has ended', () => {
  test.for([0, 3, 8, Infinity])(
    'is told whole, each event once, with %d records known before, and ends',
    async (known) => {
      const half = Math.ceil(events.length / 2)
      await world.journal.write(events.slice(0, half))
      await world.journal.write(chained('other', [...script]))
      await world.journal.write(events.slice(half))
      const [end] = await world.log.bounds('runs.v1')
      const { seen, offsets, following } = follow(await placeOf(Math.min(known, end!.next)))
      await following
      expect(seen).toEqual(told)
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
    },
  )

  test('goes on behind what was seen before, and tells nothing where nothing is left', async () => {
    await world.journal.write(events)
    const place = await placeOf(events.length)
    const all = follow(place)
    await all.following
    const rest = follow(place, { after: all.offsets[3]! })
    await rest.following
    expect(rest.seen).toEqual(told.slice(4))
    const none = follow(place, { after: all.offsets.at(-1)! })
    await none.following
    expect(none.seen).toEqual([])
  })
})

describe('a run that goes on', () => {
  test('is told as it goes, each event once, and no more after its end', async () => {
    await world.journal.write(events.slice(0, 3))
    const followers = [follow(await placeOf(0)), follow(await placeOf(3))]
    for (const event of events.slice(3)) await world.journal.write([event])
    await world.journal.write([{ ...happened.cancelled(), subject: 'run', chain: { run: 'run', seq: -1, prev: '' } }])
    for (const { seen, following } of followers) {
      await following
      expect(seen).toEqual(told)
    }
  })

  test('read without following ends with what is there', async () => {
    await world.journal.write(events.slice(0, 3))
    const { seen, following } = follow(await placeOf(3), { follow: false })
    await following
    expect(seen).toEqual(types.slice(0, 3))
  })

  test('is told to a slow reader all the same, though little of it is kept', async () => {
    await world.journal.write(events.slice(0, 1))
    const place = await placeOf(1)
    const waits = Array.from({ length: 40 }, () => happened.waited())
    const long = chained('run', [...script.slice(0, 2), ...waits, happened.completed('failed')])
    const seen: number[] = []
    const goOn = Promise.withResolvers<void>()
    const reading = (async () => {
      for await (const event of followRun(world, place, { follow: true, signal: ended.signal })) {
        seen.push(event.position.offset)
        await goOn.promise
      }
    })()
    await eventually('the first', () => seen.length === 1)
    for (const event of long.slice(1)) await world.journal.write([event])
    goOn.resolve()
    await reading
    const accepted = (await placeOf(Infinity)).offsets
    expect(seen).toEqual(accepted)
  })

  test('lets go at the abort', async () => {
    await world.journal.write(events.slice(0, 2))
    const { seen, following } = follow(await placeOf(2))
    await eventually('two', () => seen.length === 2)
    ended.abort()
    await following
  })
})
