/**
 * What an answer's `usage` tells: tokens, how many of them were read from a cache or written to one, and the cost where
 * the server names it.
 *
 * Promise: total; what is no count is left out. The prompt's tokens hold the cached ones, as OpenAI, Groq, Gemini,
 * OpenRouter, Moonshot and Mistral count them.
 */
import { isObject } from './model-failures.ts'
import { tokenCount } from './token-count.ts'

export interface TokenUsage {
  promptTokens?: number
  completionTokens?: number
  cachedTokens?: number
  cacheWriteTokens?: number
  toldMicroUsd?: number
}

export function tokenUsage(usage: unknown): TokenUsage {
  if (!isObject(usage)) return {}
  const details = isObject(usage['prompt_tokens_details']) ? usage['prompt_tokens_details'] : {}
  const told: Record<keyof TokenUsage, number | undefined> = {
    promptTokens: tokenCount(usage['prompt_tokens']),
    completionTokens: tokenCount(usage['completion_tokens']),
    cachedTokens: tokenCount(details['cached_tokens'] ?? usage['cached_tokens']),
    cacheWriteTokens: tokenCount(details['cache_write_tokens']),
    toldMicroUsd: costIn(usage),
  }
  return Object.fromEntries(Object.entries(told).filter(([, count]) => count !== undefined)) as TokenUsage
}

/** OpenRouter's `cost`, in US dollars; beside a key of the user's own it is a fee, and the provider's bill is apart. */
function costIn(usage: Readonly<Record<string, unknown>>): number | undefined {
  const details = isObject(usage['cost_details']) ? usage['cost_details'] : {}
  const fee = usd(usage['cost'])
  const upstream = usage['is_byok'] === true ? usd(details['upstream_inference_cost']) : 0
  return fee === undefined || upstream === undefined ? undefined : Math.ceil((fee + upstream) * 1e6 - 1e-6)
}

function usd(told: unknown): number | undefined {
  return typeof told === 'number' && told >= 0 && told <= 1e6 ? told : undefined
}
