/**
 * One figure of a benchmark: ours beside its floor, and the conditions it holds under.
 *
 * A file in this folder that exports `measure` is run by `npm run bench`. Promise of each: floor and ours do the same
 * work in the same run, in turns, so that a noisy machine slows both.
 */
import type { KafkaServer } from '#scripts/services/kafka.ts'
import type { RedisServer } from '#scripts/services/redis.ts'

export interface Row {
  /** Unique over all measures, lower case: `append-embedded batch 100`. */
  readonly figure: string
  /** events/s, runs/s, ms, MB, % of a core, … */
  readonly unit: string
  /** The raw library doing the same work without Lattice; left out where there is none. */
  readonly floor?: number
  readonly ours: number
  /** What has to hold; left out for a figure that is only watched. */
  readonly target?: Target
  /** Bytes of one record's value (or of what else is counted). */
  readonly payloadBytes?: number
  /** What is synced when: `full`, `appendfsync always`, `acks=-1`, … */
  readonly sync?: string
  /** Whatever else the figure depends on, in words. */
  readonly note?: string
}

export type Target =
  /** ours / floor at least this; for `atMostRatio` at most. */
  | { readonly ratio: number }
  | { readonly atMostRatio: number }
  /** ours at least, or at most, this, in the row's unit. */
  | { readonly atLeast: number }
  | { readonly atMost: number }

export interface MeasureOptions {
  /** Small amounts: says whether it works, not how fast it is. */
  readonly quick: boolean
  /** A fresh, empty folder on a real disk, removed afterwards. */
  readonly folder: string
  /** A real Redis, a new one a call, stopped afterwards. `appendfsync` as asked. */
  redis(options?: { readonly fsync?: 'always' | 'everysec' }): Promise<RedisServer>
  /** A real Kafka of this measure's own, always the same one, with its compiler on full. */
  kafka(): Promise<KafkaServer>
}

export type Measure = (options: MeasureOptions) => Promise<readonly Row[]>

/** ours / floor; undefined without a floor. */
export function ratioOf(row: Row): number | undefined {
  return row.floor === undefined ? undefined : row.ours / row.floor
}

/** Whether the target holds; undefined where there is none, false where a ratio has no floor. */
export function isMet({ target, ...row }: Row): boolean | undefined {
  if (target === undefined) return undefined
  if ('atLeast' in target) return row.ours >= target.atLeast
  if ('atMost' in target) return row.ours <= target.atMost
  const ratio = ratioOf(row)
  if (ratio === undefined) return false
  return 'ratio' in target ? ratio >= target.ratio : ratio <= target.atMostRatio
}

export function targetText(target: Target | undefined): string {
  if (target === undefined) return ''
  if ('atLeast' in target) return `≥ ${target.atLeast.toLocaleString('en')}`
  if ('atMost' in target) return `≤ ${target.atMost.toLocaleString('en')}`
  return 'ratio' in target ? `≥ ${target.ratio} × floor` : `≤ ${target.atMostRatio} × floor`
}

/** The middle of an odd number of laps, so that one slow lap does not decide. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? NaN
}

/** `share` from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
