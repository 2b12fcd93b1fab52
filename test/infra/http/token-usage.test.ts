/** Usage as servers tell it. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenUsage } from '#infra/http/token-usage.ts'

test.for([
  [
    'OpenAI, Groq and Gemini',
    { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 4 } },
    { promptTokens: 9, completionTokens: 2, cachedTokens: 4 },
  ],
  [
    'Moonshot',
    { prompt_tokens: 9, completion_tokens: 2, cached_tokens: 4 },
    { promptTokens: 9, completionTokens: 2, cachedTokens: 4 },
  ],
  [
    'OpenRouter, Anthropic behind it',
    {
      prompt_tokens: 900,
      completion_tokens: 20,
      prompt_tokens_details: { cached_tokens: 400, cache_write_tokens: 300 },
      cost: 0.000075,
      cost_details: { upstream_inference_cost: 0.000075 },
      is_byok: false,
    },
    { promptTokens: 900, completionTokens: 20, cachedTokens: 400, cacheWriteTokens: 300, toldMicroUsd: 75 },
  ],
  [
    'OpenRouter with a key of the user’s own: its fee and the bill behind it',
    { cost: 0.000005, is_byok: true, cost_details: { upstream_inference_cost: 0.0001 } },
    { toldMicroUsd: 105 },
  ],
  ['a cost that is an object', { cost: { total_cost: 1 } }, {}],
  ['a fee without the bill', { cost: 0.000005, is_byok: true }, {}],
] as const)('%s', ([, told, read]) => {
  expect(tokenUsage(told)).toEqual(read)
})

test('anything else tells nothing, and nothing it tells is no count', () => {
  fc.assert(
    fc.property(fc.anything(), (told) => {
      for (const count of Object.values(tokenUsage(told))) expect(Number.isSafeInteger(count)).toBe(true)
    }),
  )
})
