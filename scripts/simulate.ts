/**
 * `npm run simulate -- [--schedules 200000] [--seed N] [--minutes M]`: the simulation of `test/crash/`, for longer.
 *
 * Promise: ends at the first schedule that breaks a promise, with its name and its events, and exit code 1; the seed is
 * printed first, and the same seed plays the same schedules.
 */
import { parseArgs } from 'node:util'
import { chanceNames, newTally, playAll } from '#test/crash/simulation/schedules.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '200000' },
    seed: { type: 'string', default: String(Date.now()) },
    minutes: { type: 'string', default: 'Infinity' },
  },
})
const wanted = Number(values.schedules)
const deadlineMs = performance.now() + Number(values.minutes) * 60_000
const weathers = [
  ['calm', 1],
  ['kills', 3],
  ['storm', 6],
] as const
const roundOf = 100

console.log(`seed ${values.seed}, ${wanted} schedules`)
const tally = newTally()
const began = performance.now()
try {
  for (let round = 0; tally.schedules < wanted && performance.now() < deadlineMs; round += 1) {
    for (const [weather, share] of weathers) {
      await playAll(chanceNames(values.seed, weather, share * roundOf, round * share * roundOf), tally)
    }
    if (round % 10 === 9) console.log(progress())
  }
  for (const [what, count] of [...tally.counts].sort(([one], [other]) => one.localeCompare(other)))
    console.log(`${String(count).padStart(10)}  ${what}`)
  console.log(`${progress()}: every promise kept`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function progress(): string {
  const seconds = (performance.now() - began) / 1000
  return `${tally.schedules} schedules, ${tally.steps} steps, ${Math.round(tally.schedules / seconds)} schedules/s`
}
