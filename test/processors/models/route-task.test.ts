/** Whom a task asks by the names it gives. */
import { describe, expect, test } from 'vitest'
import type { RoutableChain, RoutableProvider } from '#processors/models/route-model.ts'
import { routeTask } from '#processors/models/route-task.ts'
import { isFailure } from '#processors/ports/failure.ts'

const provider = (state: RoutableProvider['state'], defaultModel = 'default'): RoutableProvider => ({
  local: state === 'if-answering',
  model: undefined,
  defaultModel,
  state,
  missing: state === 'unconfigured' ? 'X_KEY is not set' : '',
})

const names = { tiers: new Map([['local_fast', ['ollama/qwen3']]]), fallbacks: new Map<string, string[]>() }

/** OpenAI has a key, `house` is of the user's own, Ollama may run. */
const chain: RoutableChain = {
  order: ['groq', 'openai', 'ollama'],
  forced: undefined,
  firstModel: undefined,
  providers: new Map([
    ['groq', provider('unconfigured')],
    ['openai', provider('ready', 'o')],
    ['ollama', provider('if-answering')],
    ['ollama_cloud', provider('ready')],
    ['house', provider('ready')],
  ]),
}
const nothing: RoutableChain = {
  ...chain,
  providers: new Map(
    [...chain.providers].map(([name, one]) => [
      name,
      {
        ...one,
        ...(one.state === 'ready' && { state: 'unconfigured' as const, missing: 'X_KEY is not set' }),
      },
    ]),
  ),
}

function asked(wanted: { model?: string; provider?: string }, over: RoutableChain = chain): string[] | string {
  try {
    return routeTask({ chain: over, answering: new Map(), names }, wanted).map((one) => `${one.provider} ${one.model}`)
  } catch (error) {
    if (isFailure(error)) return error.code
    throw error
  }
}

test.for([
  ['house/fake-model', ['house fake-model']],
  ['tier/local_fast', ['ollama qwen3']],
  ['ollama/llama3', ['ollama llama3']],
  ['kimi-k2.6:cloud', ['ollama_cloud kimi-k2.6']],
  ['openai/gpt-oss-20b', ['openai gpt-oss-20b']],
  ['lattice/extract', ['lattice extract']],
  ['gpt-4o', ['openai gpt-4o']],
  ['lattice/default', ['openai o']],
  [' ', ['openai o']],
  ['nope/x', 'model.unknown'],
  ['groq/x', 'model.unknown'],
  ['tier/none', 'model.unknown'],
] as const)('%s asks %s', ([model, choices]) => {
  expect(asked({ model })).toEqual(choices)
})

test('a provider beside it makes it that provider’s own name', () => {
  expect(asked({ provider: 'house', model: 'openai/gpt-oss-20b' })).toEqual(['house openai/gpt-oss-20b'])
  expect(asked({ provider: 'groq', model: 'm' })).toBe('provider.unconfigured')
  expect(asked({ provider: 'nobody', model: 'm' })).toBe('request.invalid')
})

test('a provider that the settings force takes names without a prefix alone', () => {
  const forced = { ...chain, forced: 'openai' }
  expect(asked({ model: 'ollama/llama3' }, forced)).toEqual(['ollama llama3'])
  expect(asked({ model: 'gpt-4o' }, forced)).toEqual(['openai gpt-4o'])
})

test('a name that is in the settings too is not sent to the first provider', () => {
  expect(asked({ model: 'lattice/default' }, { ...chain, firstModel: 'lattice/default' })).toEqual(['openai o'])
})

describe('with no provider configured', () => {
  test.for(['nope/x', 'openai/x', 'gpt-4o', 'kimi:cloud'])('%s is asked of nobody', (model) => {
    expect(asked({ model }, nothing)).toBe('model.unknown')
    expect(asked({ model }, { ...nothing, forced: 'lattice' })).toBe('model.unknown')
  })

  test('the built-in model answers who names none, or it', () => {
    expect(asked({}, nothing)).toEqual(['lattice extract'])
    expect(asked({ model: 'lattice/extract' }, nothing)).toEqual(['lattice extract'])
  })
})
