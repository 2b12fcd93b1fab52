/**
 * The sign test: whether one of two paired things is better more often than chance would have it.
 *
 * Promise: exact, two-sided; ties are left out; without a pair that differs p is 1. It asks how often, never by how much.
 * Source: W. J. Conover, Practical Nonparametric Statistics, section 3.4: p = min(1, 2·P(X ≤ min(better, worse))) with X
 * binomial of n = better + worse and 1/2.
 */
export interface SignTest {
  readonly better: number
  readonly worse: number
  readonly ties: number
  readonly p: number
}

/** `signs`: above 0 where the second of a pair is better, below where it is worse. */
export function signTest(signs: readonly number[]): SignTest {
  const better = signs.filter((sign) => sign > 0).length
  const worse = signs.filter((sign) => sign < 0).length
  return { better, worse, ties: signs.length - better - worse, p: twoSided(better, worse) }
}

function twoSided(better: number, worse: number): number {
  const pairs = BigInt(better + worse)
  const fewest = BigInt(Math.min(better, worse))
  let ways = 1n
  let sum = 1n
  for (let chosen = 1n; chosen <= fewest; chosen += 1n) {
    ways = (ways * (pairs - chosen + 1n)) / chosen
    sum += ways
  }
  const all = 1n << pairs
  return sum * 2n >= all ? 1 : share(sum * 2n, all)
}

/** Of whole numbers too large for a float, to 15 digits. */
function share(part: bigint, whole: bigint): number {
  const digits = 10n ** 15n
  const excess = 10n ** BigInt(Math.max(0, whole.toString().length - part.toString().length))
  return Number((part * digits * excess) / whole) / Number(digits) / Number(excess)
}
