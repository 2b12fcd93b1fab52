import type { Price, PriceRule } from '#processors/ports/budget-rules.ts'
import { fits } from './glob.ts'

/**
 * What a call costs.
 *
 * Promise: pure and exact. Costs are whole micro-dollars (millionths of a US dollar), rounded up once, over input and
 * output together; so a sum of costs never shows less than was spent. A call is said to cost `mostMicroUsd` at most, far
 * beyond any, so that what a caller or a server makes up can be written down and summed. A model on this machine and the
 * built-in one cost nothing. The configuration's prices go before the table's, and its first fitting line before the
 * later ones.
 *
 * What the table leaves out, which makes a cost too high or too low: cached input (charged as other input), batch and
 * priority tiers, the dearer long prompts of some models, and fees for tools. A line in `lattice.toml` mends it.
 */
export interface Prices {
  /** Undefined where nobody knows it. */
  of(provider: string, model: string): Price | undefined
}

/** Prices as the providers published them on that day; a later table has a later date. */
export const pricesOf = '2026-11-21'

const table: readonly PriceRule[] = [
  { pattern: 'groq/openai/gpt-oss-20b', input: 0.075, output: 0.3, maxOutput: 65_536 },
  { pattern: 'groq/openai/gpt-oss-120b', input: 0.15, output: 0.6, maxOutput: 65_536 },
  { pattern: 'groq/llama-3.3-70b-versatile', input: 0.59, output: 0.79, maxOutput: 32_768 },
  { pattern: 'groq/llama-3.1-8b-instant', input: 0.05, output: 0.08, maxOutput: 131_072 },
  { pattern: 'groq/qwen/qwen3-32b', input: 0.29, output: 0.59, maxOutput: 40_960 },
  { pattern: 'groq/meta-llama/llama-4-scout-17b-16e-instruct', input: 0.11, output: 0.34, maxOutput: 8192 },
  { pattern: 'gemini/gemini-3.7-flash', input: 0.75, output: 3.75, maxOutput: 65_536 },
  { pattern: 'gemini/gemini-3.5-flash-lite', input: 0.3, output: 2.5, maxOutput: 65_536 },
  { pattern: 'gemini/gemini-3.1-flash-lite', input: 0.25, output: 1.5, maxOutput: 65_536 },
  { pattern: 'openai/gpt-6.1-sol', input: 2, output: 10, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6.1-terra', input: 1, output: 5, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6-astra', input: 10, output: 50, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6-sol', input: 2, output: 10, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6-luna', input: 0.1, output: 0.5, maxOutput: 128_000 },
  { pattern: 'openai/gpt-5.6-terra', input: 2, output: 12, maxOutput: 128_000 },
  { pattern: 'openai/gpt-5.6-luna', input: 0.2, output: 1.2, maxOutput: 128_000 },
  { pattern: 'openai/gpt-5-mini', input: 0.25, output: 2, maxOutput: 128_000 },
  { pattern: 'openai/gpt-4.1', input: 2, output: 8, maxOutput: 32_768 },
  { pattern: 'openai/gpt-4o-mini', input: 0.15, output: 0.6, maxOutput: 16_384 },
  { pattern: 'openai/gpt-4o', input: 2.5, output: 10, maxOutput: 16_384 },
  { pattern: 'kimi/kimi-k3', input: 3, output: 15 },
]

const free: Price = { input: 0, output: 0 }

export function openPrices(given: {
  /** The configuration's own. */
  readonly rules: readonly PriceRule[]
  /** Whether a provider runs on the user's machine, or is built in. */
  readonly isLocal: (provider: string) => boolean
}): Prices {
  const known = new Map<string, Price | undefined>()
  const rules = [...given.rules, ...table]

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

/** Micro-dollars, rounded up. Prices are taken to the millionth of a dollar a million tokens. */
export function costOf(price: Price, promptTokens: number, completionTokens: number): number {
  const millionths = (usd: number): bigint => BigInt(Math.round(usd * 1e6))
  const whole = millionths(price.input) * tokens(promptTokens) + millionths(price.output) * tokens(completionTokens)
  return Math.min(Number((whole + 999_999n) / 1_000_000n), mostMicroUsd)
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
