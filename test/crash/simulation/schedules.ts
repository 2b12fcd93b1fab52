/**
 * Schedules by name, so that one can be run again from what a failure printed.
 *
 * A name is `<seed>/<weather>/<index>`, with `@kill:<n>` or `@pause:<n>` behind it where that befalls the first process
 * at its nth await: all that a schedule depends on.
 */
import { type ScheduleResult, runSchedule } from './schedule.ts'
import type { Mutation } from './simulated-process.ts'
import type { Weather } from './scenario.ts'

export interface Tally {
  schedules: number
  steps: number
  readonly counts: Map<string, number>
}

export function newTally(): Tally {
  return { schedules: 0, steps: 0, counts: new Map() }
}

/** `count` schedules of one weather, from `<seed>/<weather>/<from>` on. */
export function* chanceNames(seed: string, weather: Weather, count: number, from = 0): Generator<string> {
  for (let index = from; index < from + count; index += 1) yield `${seed}/${weather}/${index}`
}

/**
 * A world in which nothing befalls anybody, then the same one with its first process killed at each of its awaits, and
 * paused at each.
 */
export async function* everyAwait(seed: string, worlds: number): AsyncGenerator<string> {
  for (let index = 0; index < worlds; index += 1) {
    const name = `${seed}/storm/${index}`
    const undisturbed = `${name}@kill:0`
    yield undisturbed
    const { firstLifeSteps } = await playSchedule(undisturbed)
    for (let step = 1; step <= firstLifeSteps; step += 1) {
      yield `${name}@kill:${step}`
      yield `${name}@pause:${step}`
    }
  }
}

export function playSchedule(
  name: string,
  options: { mutation?: Mutation; trace?: (line: string) => void } = {},
): Promise<ScheduleResult> {
  const [, seed, weather, what, atStep] = /^(.+\/(calm|kills|storm)\/\d+)(?:@(kill|pause):(\d+))?$/.exec(name) ?? []
  if (seed === undefined) throw new Error(`${name} is not <seed>/<calm|kills|storm>/<index>[@<kill|pause>:<step>]`)
  return runSchedule({
    seed,
    weather: weather as Weather,
    ...options,
    ...(what === undefined ? {} : { fate: { what: what as 'kill' | 'pause', atStep: Number(atStep) } }),
  })
}

/** Plays each; throws at the first that breaks a promise, with what is needed to see it again. */
export async function playAll(names: Iterable<string> | AsyncIterable<string>, tally: Tally): Promise<void> {
  for await (const name of names) {
    const { violation, steps, counts } = await playSchedule(name)
    if (violation !== undefined) throw new Error(await story(name, violation))
    tally.schedules += 1
    tally.steps += steps
    for (const [what, count] of counts) tally.counts.set(what, (tally.counts.get(what) ?? 0) + count)
  }
}

/** The first of these schedules that breaks a promise under a mutation. */
export async function firstCaught(names: Iterable<string>, mutation: Mutation): Promise<string | undefined> {
  for (const name of names) {
    const { violation } = await playSchedule(name, { mutation })
    if (violation !== undefined) return `${name}: ${violation}`
  }
  return undefined
}

async function story(name: string, violation: string): Promise<string> {
  const lines: string[] = []
  await playSchedule(name, { trace: (line) => lines.push(line) })
  return [violation, ...lines, violation, `again: SEED=${name} npm test -- simulation`].join('\n')
}
