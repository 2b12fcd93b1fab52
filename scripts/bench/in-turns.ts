/**
 * Measuring several works against each other on a machine that is not quiet.
 *
 * Promise: each work is done once a lap, in turns, so that whatever slows the machine slows all of them; the median of
 * the laps counts. The first lap warms up and does not.
 */
import { median } from './row.ts'

export async function inTurns<const Works extends readonly (() => Promise<number> | number)[]>(
  laps: number,
  works: Works,
): Promise<{ [Work in keyof Works]: number }> {
  const seen = works.map((): number[] => [])
  for (let lap = 0; lap <= laps; lap += 1) {
    for (const [index, work] of works.entries()) {
      const figure = await work()
      if (lap > 0) seen[index]?.push(figure)
    }
  }
  return seen.map(median) as { [Work in keyof Works]: number }
}

/** How often a second `work` is done, in units of `count`, during about `lapMs`. */
export async function rate(lapMs: number, count: number, work: () => unknown): Promise<number> {
  const began = performance.now()
  let done = 0
  while (performance.now() - began < lapMs) {
    await work()
    done += count
  }
  return (done / (performance.now() - began)) * 1000
}

/** The same with one under way in each lane at any time. */
export async function rateAtOnce<Lane>(
  lanes: readonly Lane[],
  lapMs: number,
  work: (lane: Lane) => Promise<unknown>,
): Promise<number> {
  const rates = await Promise.all(lanes.map((lane) => rate(lapMs, 1, () => work(lane))))
  return rates.reduce((sum, one) => sum + one, 0)
}

export function lanes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, lane) => lane)
}
