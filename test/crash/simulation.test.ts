/**
 * Deterministic simulation of the run machine and the reactor runtime: owners at once, crashes and pauses at every await,
 * duplicate deliveries, a log that fails, clocks that jump (R1, R8, R9, R10).
 *
 * `SEED=<name> npm test -- simulation` plays one schedule again, as a failure prints it; `npm run simulate` plays more.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { mutations } from './simulation/mutations.ts'
import { chanceNames, everyAwait, firstCaught, newTally, playAll, playSchedule } from './simulation/schedules.ts'

const seed = '20261121'
const timeoutMs = 300_000
const again = process.env['SEED']

if (again === undefined) {
  everyPromise()
  mutationsAreNoticed()
  sameSeedSameSchedule()
} else {
  test(`schedule ${again} keeps every promise`, () => playAll([again], newTally()), timeoutMs)
}

function everyPromise(): void {
  const tally = newTally()

  describe('[run.single] [run.resumes] [verdict.closed] every promise of a run is kept', () => {
    afterAll(() => console.log(`simulation: ${tally.schedules} schedules from seed ${seed}, ${tally.steps} steps`))

    for (const [weather, count, by] of [
      ['calm', 1_000, 'processes that nothing befalls, on a log that fails'],
      ['kills', 3_000, 'processes that are killed'],
      ['storm', 4_000, 'owners killed, paused, stopped and doubled'],
    ] as const) {
      test(`by ${by}`, { timeout: timeoutMs }, () => playAll(chanceNames(seed, weather, count), tally))
    }

    test('whichever await an owner is killed or paused at', { timeout: timeoutMs }, () =>
      playAll(everyAwait(`${seed}/every`, 35), tally),
    )

    test('in at least 10,000 schedules that met all there is to meet', () => {
      const rare = toMeet.filter((what) => (tally.counts.get(what) ?? 0) < 20)
      expect({ schedules: tally.schedules >= 10_000, rare }).toEqual({ schedules: true, rare: [] })
    })
  })
}

const toMeet = [
  'accepted run.resumed',
  'accepted run.waited',
  'accepted run.expired',
  'accepted task.cancelled',
  'rejected',
  'append unavailable',
  'append unknown, written',
  'append unknown, not written',
  'append unknown, written later',
  'run accepted',
  'run rejected attempts',
  'run rejected cost',
  'run rejected deadline',
  'run cancelled',
  'run failed deadline',
  'run failed poison',
  'run failed providers',
  'run abandoned its caller is gone',
  'is killed',
  'is paused',
  'is told to stop',
  'run.lost',
  'reactor.failed',
]

function mutationsAreNoticed(): void {
  describe('the simulation notices', () => {
    for (const mutation of mutations) {
      test(mutation.name, { timeout: timeoutMs }, async () => {
        expect(await firstCaught(chanceNames(`${seed}/mutated`, 'storm', 5_000), mutation)).toBeDefined()
      })
    }
  })
}

function sameSeedSameSchedule(): void {
  test('a schedule played twice is the same, event by event', async () => {
    for (const name of chanceNames(seed, 'storm', 20)) {
      const [first, second]: [string[], string[]] = [[], []]
      await playSchedule(name, { trace: (line) => first.push(line) })
      await playSchedule(name, { trace: (line) => second.push(line) })
      expect(second).toEqual(first)
    }
  })
}
