/**
 * What models cost, as the providers published it: US dollars a million tokens.
 *
 * A line is here because its price could be read somewhere, and says nothing of what could not: without `cachedInput` a
 * cached token is charged like the others, without `maxOutput` a caller has to limit the answer, and a model without a line
 * has no price. Sources: the providers' price pages, read or as quoted, on the day beside each; for Kimi, OpenCode, Mistral
 * and OpenRouter by way of models.dev.
 */
import type { PriceRule } from '#processors/ports/budget-rules.ts'

/** The newest of those days; a later table has a later one. */
export const pricesOf = '2026-11-21'

export const priceTable: readonly PriceRule[] = [
  // https://groq.com/pricing, 2026-11-21. Cached input of gpt-oss: half, models.dev, 2026-07-02.
  { pattern: 'groq/openai/gpt-oss-20b', input: 0.075, output: 0.3, cachedInput: 0.0375, maxOutput: 65_536 },
  { pattern: 'groq/openai/gpt-oss-120b', input: 0.15, output: 0.6, cachedInput: 0.075, maxOutput: 65_536 },
  { pattern: 'groq/llama-3.3-70b-versatile', input: 0.59, output: 0.79, maxOutput: 32_768 },
  { pattern: 'groq/llama-3.1-8b-instant', input: 0.05, output: 0.08, maxOutput: 131_072 },
  { pattern: 'groq/qwen/qwen3-32b', input: 0.29, output: 0.59, maxOutput: 40_960 },
  { pattern: 'groq/meta-llama/llama-4-scout-17b-16e-instruct', input: 0.11, output: 0.34, maxOutput: 8192 },
  // https://ai.google.dev/gemini-api/docs/pricing, 2026-11-21. Flash 3.7 is at half its price for the time being.
  { pattern: 'gemini/gemini-3.7-flash', input: 0.75, output: 3.75, maxOutput: 65_536 },
  { pattern: 'gemini/gemini-3.5-flash-lite', input: 0.3, output: 2.5, maxOutput: 65_536 },
  { pattern: 'gemini/gemini-3.1-flash-lite', input: 0.25, output: 1.5, cachedInput: 0.025, maxOutput: 65_536 },
  // https://developers.openai.com/api/docs/pricing, 2026-11-21; caches of GPT-6 and 5.6 as quoted 2026-09-07 to 09-30.
  { pattern: 'openai/gpt-6.1-sol', input: 2, output: 10, cachedInput: 0.1, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6.1-terra', input: 1, output: 5, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6-astra', input: 10, output: 50, cachedInput: 1, cacheWrite: 12.5, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6-sol', input: 2, output: 10, cachedInput: 0.2, cacheWrite: 2.5, maxOutput: 128_000 },
  { pattern: 'openai/gpt-6-luna', input: 0.1, output: 0.5, cachedInput: 0.01, cacheWrite: 0.125, maxOutput: 128_000 },
  { pattern: 'openai/gpt-5.6-terra', input: 2, output: 12, cachedInput: 0.2, maxOutput: 128_000 },
  { pattern: 'openai/gpt-5.6-luna', input: 0.2, output: 1.2, cachedInput: 0.02, maxOutput: 128_000 },
  { pattern: 'openai/gpt-5-mini', input: 0.25, output: 2, cachedInput: 0.025, maxOutput: 128_000 },
  { pattern: 'openai/gpt-4.1', input: 2, output: 8, cachedInput: 0.5, maxOutput: 32_768 },
  { pattern: 'openai/gpt-4o-mini', input: 0.15, output: 0.6, cachedInput: 0.075, maxOutput: 16_384 },
  { pattern: 'openai/gpt-4o', input: 2.5, output: 10, cachedInput: 1.25, maxOutput: 16_384 },
  // https://platform.kimi.ai/docs/pricing, 2026-06-12 and 2026-07-17 (k3).
  { pattern: 'kimi/kimi-k2.6', input: 0.95, output: 4, cachedInput: 0.16, maxOutput: 262_144 },
  { pattern: 'kimi/kimi-k3', input: 3, output: 15, cachedInput: 0.3, maxOutput: 1_048_576 },
  // https://opencode.ai/docs/zen, 2026-07-02.
  { pattern: 'opencode/kimi-k2.6', input: 0.95, output: 4, cachedInput: 0.16, maxOutput: 65_536 },
  {
    pattern: 'opencode/claude-opus-4-7',
    input: 5,
    output: 25,
    cachedInput: 0.5,
    cacheWrite: 6.25,
    maxOutput: 128_000,
  },
  // https://docs.mistral.ai/models/mistral-medium-3-5-26-04, 2026-08-27: what `latest` has meant since 2026-05-22.
  { pattern: 'mistral/mistral-medium-latest', input: 1.5, output: 7.5, maxOutput: 256_000 },
  { pattern: 'mistral/mistral-medium-3.5', input: 1.5, output: 7.5, maxOutput: 256_000 },
  // https://openrouter.ai/models, 2026-07-02: of its cheapest host, so for reservations; a call's answer tells its cost.
  { pattern: 'openrouter/openai/gpt-oss-20b', input: 0.03, output: 0.14, maxOutput: 131_072 },
  { pattern: 'openrouter/openai/gpt-oss-120b', input: 0.03, output: 0.15, maxOutput: 131_072 },
  {
    pattern: 'openrouter/anthropic/claude-opus-4.7',
    input: 5,
    output: 25,
    cachedInput: 0.5,
    cacheWrite: 6.25,
    maxOutput: 128_000,
  },
  // Ollama Cloud publishes no price by the token.
]

/** Providers whose usage tells in US dollars what a call did cost, whoever answered it behind them. */
export const tellsCost: ReadonlySet<string> = new Set(['openrouter'])
