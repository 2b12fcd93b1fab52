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

test('with reasoning off the temperature stays', () => {
  const off = { ...given, reasoning_effort: 'none' }
  expect(fitParameters('gpt-6-luna', off)).toMatchObject({ temperature: 0.2, reasoning_effort: 'none' })
})

test('a limit the caller named as the model knows it goes before the old name', () => {
  const both = { max_tokens: 1, max_completion_tokens: 2 }
  expect(fitParameters('gpt-6-luna', both)).toEqual({ max_completion_tokens: 2 })
})
