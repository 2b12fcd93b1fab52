import type { Price, PriceRule } from '#processors/ports/budget-rules.ts'
import { fits } from './glob.ts'
import { priceTable } from './price-table.ts'

/**
 * What a call costs.
 *
 * Promise: pure and exact. Costs are whole micro-dollars (millionths of a US dollar), rounded up once, over input and
 * output together; so a sum of costs never shows less than was spent. A call is said to cost `mostMicroUsd` at most, far
 * beyond any, so that what a caller or a server makes up can be written down and summed. A model on this machine and the
 * built-in one cost nothing. The configuration's prices go before the table's, and its first fitting line before the
 * later ones.
 *
 * Input that was read from a cache costs less, and what was written to one more, where the price says so; else as other
 * input. What the table leaves out, which makes a cost too high or too low: batch and priority tiers, the dearer long
 * prompts of some models, and fees for tools. A line in `lattice.toml` mends it.
 */
export interface Prices {
  /** Undefined where nobody knows it. */
  of(provider: string, model: string): Price | undefined
}

const free: Price = { input: 0, output: 0 }

export function openPrices(given: {
  /** The configuration's own. */
  readonly rules: readonly PriceRule[]
  /** Whether a provider runs on the user's machine, or is built in. */
  readonly isLocal: (provider: string) => boolean
}): Prices {
  const known = new Map<string, Price | undefined>()
  const rules = [...given.rules, ...priceTable]

  function find(provider: string, name: string): Price | undefined {
    const own = given.rules.find(({ pattern }) => fits(pattern, name))
    if (own !== undefined) return own
    return given.isLocal(provider) ? free : rules.find(({ pattern }) => fits(pattern, name))
  }

  return {
    of(provider, model) {
      const name = `${provider}/${model}`
      if (!known.has(name)) {
        // A caller names the model: what they name must not grow without bound.
        if (known.size >= 10_000) known.clear()
        known.set(name, find(provider, name))
      }
      return known.get(name)
    },
  }
}

/** Ten million dollars; as many calls as a run may make still sum to a whole number that JSON can carry. */
export const mostMicroUsd = 1e13

/** Of the prompt's tokens, those a cache gave, and those it was given. */
export interface CacheUse {
  readonly read: number
  readonly written: number
}

/** Micro-dollars, rounded up. Prices are taken to the millionth of a dollar a million tokens. */
export function costOf(price: Price, promptTokens: number, completionTokens: number, cache?: CacheUse): number {
  const millionths = (usd: number): bigint => BigInt(Math.round(usd * 1e6))
  const { input, cachedInput = input, cacheWrite = input, output } = price
  const prompt = tokens(promptTokens)
  const read = smaller(tokens(cache?.read ?? 0), prompt)
  const written = smaller(tokens(cache?.written ?? 0), prompt - read)
  const whole =
    millionths(input) * (prompt - read - written) +
    millionths(cachedInput) * read +
    millionths(cacheWrite) * written +
    millionths(output) * tokens(completionTokens)
  return Math.min(Number((whole + 999_999n) / 1_000_000n), mostMicroUsd)
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}

function tokens(count: number): bigint {
  return BigInt(Math.min(Math.max(0, Math.ceil(count)), Number.MAX_SAFE_INTEGER))
}

export function isFree({ input, output }: Price): boolean {
  return input === 0 && output === 0
}

/** `1.25 USD`; to the micro-dollar where that matters. */
export function usdText(microUsd: number): string {
  return `${usd(microUsd)} USD`
}

/** Exact, at least two decimals: `1.25`, `0.000075`. */
export function usd(microUsd: number): string {
  const digits = String(Math.abs(microUsd)).padStart(7, '0')
  const decimals = digits.slice(-6).replace(/0{1,4}$/, '')
  return `${microUsd < 0 ? '-' : ''}${digits.slice(0, -6)}.${decimals}`
}
