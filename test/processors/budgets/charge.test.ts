/** What a reply did cost: by the provider's usage, else counted and marked so. */
import { describe, expect, test } from 'vitest'
import { charge } from '#processors/budgets/charge.ts'
import { openPrices } from '#processors/budgets/prices.ts'
import { countTokens } from '#processors/models/count-tokens.ts'
import type { ModelFailureCode, ModelReply } from '#processors/ports/model-provider.ts'

const prices = openPrices({ rules: [{ pattern: 'p/*', input: 1, output: 2 }], isLocal: (name) => name === 'local' })
const call = { provider: 'p', model: 'm', messages: [{ role: 'user', content: 'How are you today?' }] }
const answer = (given: Partial<Extract<ModelReply, { ok: true }>> = {}): ModelReply => ({
  ok: true,
  content: 'Very well, thank you.',
  raw: '{}',
  ...given,
})
const failure = (code: ModelFailureCode, given: Partial<Extract<ModelReply, { ok: false }>> = {}): ModelReply => ({
  ok: false,
  code,
  message: '',
  raw: '',
  retryable: false,
  ...given,
})

describe('an answer', () => {
  test('is charged by the usage that was told', async () => {
    expect(await charge(answer({ promptTokens: 10, completionTokens: 4 }), call, prices)).toEqual({
      promptTokens: 10,
      completionTokens: 4,
      usageEstimated: false,
      costMicroUsd: 18,
    })
  })

  test('is charged less for what came from a cache, where the price says so', async () => {
    const rules = [{ pattern: 'p/*', input: 1, output: 2, cachedInput: 0.1, cacheWrite: 1.5 }]
    const cached = openPrices({ rules, isLocal: () => false })
    const told = { promptTokens: 1000, completionTokens: 4, cachedTokens: 500, cacheWriteTokens: 100 }
    expect(await charge(answer(told), call, cached)).toMatchObject({ costMicroUsd: 400 + 50 + 150 + 8 })
    expect(await charge(answer(told), call, prices)).toMatchObject({ costMicroUsd: 1008 })
  })

  test('is charged what OpenRouter says it did cost, also for a model without a price; others are not taken at their word', async () => {
    const told = { promptTokens: 10, completionTokens: 4, toldMicroUsd: 7 }
    const openrouter = { ...call, provider: 'openrouter' }
    expect(await charge(answer(told), openrouter, prices)).toMatchObject({ costMicroUsd: 7, promptTokens: 10 })
    expect(await charge(answer(told), call, prices)).toMatchObject({ costMicroUsd: 18 })
  })

  test('without usage is counted, and marked', async () => {
    const counted = await charge(answer(), call, prices)
    expect(counted).toEqual({ promptTokens: 9, completionTokens: 6, usageEstimated: true, costMicroUsd: 21 })
  })

  test('of a model that costs nothing, or whose price nobody knows, is not counted', async () => {
    const nothing = { promptTokens: null, completionTokens: null, usageEstimated: false, costMicroUsd: 0 }
    expect(await charge(answer(), { ...call, provider: 'local' }, prices)).toEqual(nothing)
    expect(await charge(answer(), { ...call, provider: 'unheard-of' }, prices)).toEqual(nothing)
  })
})

describe('a failure', () => {
  test.for(['unreachable', 'rate-limited', 'overloaded', 'unauthorized', 'rejected', 'breaker-open'] as const)(
    '%s costs nothing',
    async (code) => {
      expect(await charge(failure(code), call, prices)).toMatchObject({ costMicroUsd: 0, usageEstimated: false })
    },
  )

  test.for(['cut', 'timeout', 'cancelled'] as const)('%s costs the prompt and what was received', async (code) => {
    const charged = await charge(failure(code, { partial: 'Very well' }), call, prices)
    expect(charged).toMatchObject({ promptTokens: 9, completionTokens: 2, usageEstimated: true, costMicroUsd: 13 })
  })

  test('whose usage was told is charged by it', async () => {
    const told = failure('malformed', { promptTokens: 3, completionTokens: 1 })
    expect(await charge(told, call, prices)).toMatchObject({ costMicroUsd: 5, usageEstimated: false })
  })
})

describe('counting', () => {
  test('takes special tokens for text, and nothing for nothing', async () => {
    expect(await countTokens('<|endoftext|>')).toBeGreaterThan(1)
    expect(await countTokens('')).toBe(0)
  })

  test('of a text far too long is reckoned from its beginning', async () => {
    const long = 'one two three '.repeat(400_000)
    const tokens = await countTokens(long)
    expect(tokens / 1_200_000).toBeGreaterThan(0.98)
    expect(tokens / 1_200_000).toBeLessThan(1.05)
  })
})
