/** Request fields as each model takes them. */
import { expect, test } from 'vitest'
import { fitParameters } from '#processors/models/fit-parameters.ts'

const given = { temperature: 0.2, top_p: 1, max_tokens: 100, seed: 1 }

test.for(['gpt-6-luna', 'gpt-5.6-luna', 'gpt-5', 'gpt-10', 'openai/gpt-5-mini', 'o3', 'o4-mini'])(
  '%s gets no temperature, and its limit under the name it knows',
  (model) => {
    expect(fitParameters(model, given)).toEqual({ max_completion_tokens: 100, seed: 1 })
  },
)

test.for([
  'openai/gpt-oss-20b',
  'gemini-3.5-flash-lite',
  'gpt-4.1-mini',
  'gpt-4o',
  'gpt-5-chat-latest',
  'llama3.2',
  'o',
  'ollama',
  'olmo2',
])('%s gets what was given', (model) => {
  expect(fitParameters(model, given)).toBe(given)
})

test.for([
  'claude-opus-4-7',
  'anthropic/claude-opus-4-7',
  'anthropic/claude-opus-4.7',
  'openrouter/anthropic/claude-opus-4.8',
  'us.anthropic.claude-opus-4-7-20260416-v1:0',
  'claude-opus-4-10',
  'claude-opus-5',
  'claude-opus-5-20270101',
])('%s gets no sampling fields', (model) => {
  expect(fitParameters(model, given)).toEqual({ max_tokens: 100, seed: 1 })
})

test.for(['claude-opus-4-6', 'claude-opus-4', 'claude-opus-4-20250514', 'claude-opus-4-1-20250805', 'claude-sonnet-5'])(
  '%s gets what was given, being no later Opus',
  (model) => {
    expect(fitParameters(model, given)).toBe(given)
  },
)

test('a model the settings name gets no temperature, whatever stands before its name', () => {
  expect(fitParameters('vendor/strict-1', given, ['strict-1'])).toEqual({ top_p: 1, max_tokens: 100, seed: 1 })
  expect(fitParameters('strict-10', given, ['strict-1'])).toBe(given)
})

test('what nobody set is not sent', () => {
  expect(fitParameters('claude-opus-4-7', {})).toEqual({})
  expect(fitParameters('gpt-6-luna', {})).toEqual({})
})

test('with reasoning off the temperature stays', () => {
  const off = { ...given, reasoning_effort: 'none' }
  expect(fitParameters('gpt-6-luna', off)).toMatchObject({ temperature: 0.2, reasoning_effort: 'none' })
})

test('a limit the caller named as the model knows it goes before the old name', () => {
  const both = { max_tokens: 1, max_completion_tokens: 2 }
  expect(fitParameters('gpt-6-luna', both)).toEqual({ max_completion_tokens: 2 })
})
