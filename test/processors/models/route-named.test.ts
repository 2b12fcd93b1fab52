/** Which provider and model a name asks, and what is said of one that can't be asked. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RoutableChain, RoutableProvider } from '#processors/models/route-model.ts'
import { ladderOf, routeNamed, type Routing } from '#processors/models/route-named.ts'

const provider = (state: RoutableProvider['state'], more: Partial<RoutableProvider> = {}): RoutableProvider => ({
  local: false,
  model: undefined,
  defaultModel: 'default',
  state,
  missing: state === 'unconfigured' ? 'X_KEY is not set' : '',
  ...more,
})

const chain: RoutableChain = {
  order: ['groq', 'openai', 'ollama'],
  forced: undefined,
  firstModel: undefined,
  providers: new Map([
    ['groq', provider('ready', { defaultModel: 'g' })],
    ['openai', provider('ready', { defaultModel: 'o' })],
    ['ollama', provider('if-answering', { local: true })],
    ['ollama_cloud', provider('ready')],
    ['openrouter', provider('ready')],
    ['kimi', provider('unconfigured')],
    ['mine', provider('ready')],
  ]),
}

const routing: Routing = {
  chain,
  answering: new Map(),
  names: {
    tiers: new Map([
      ['local_fast', ['qwen3.5:latest']],
      ['cloud_judge', ['kimi-k2.6:cloud', 'openrouter/moonshotai/kimi-k2.6']],
      ['frontier_arch', ['kimi/kimi-k2.6', 'groq/openai/gpt-oss-120b']],
      ['frontier_free', ['kimi/kimi-k2.6']],
      ['cloud_review', ['tier/local_fast']],
      ['local_judge', []],
    ]),
    fallbacks: new Map([
      ['groq/openai/gpt-oss-20b', ['openrouter/openai/gpt-oss-20b', 'kimi/none', 'nobody/none']],
      ['nobody/at-all', ['groq/x']],
      ['kimi/kimi-k2.6-turbo', ['openrouter/moonshotai/kimi-k2.6']],
      ['kimi-k2:cloud', ['mine/kimi-k2']],
    ]),
  },
}

const asked = (model?: string, provider?: string): string[] =>
  routeNamed(routing, { ...(model && { model }), ...(provider && { provider }) }).map(
    (choice) => `${choice.provider} ${choice.model}`,
  )

test.for([
  ['llama3.2', 'ollama llama3.2'],
  ['qwen3.5:latest', 'ollama qwen3.5:latest'],
  ['ollama/llama3.2', 'ollama llama3.2'],
  ['ollama/hf.co/me/model:Q4', 'ollama hf.co/me/model:Q4'],
  ['ollama_cloud/qwen3-coder:480b', 'ollama_cloud qwen3-coder:480b'],
  ['kimi-k2.6:cloud', 'ollama_cloud kimi-k2.6'],
  ['me/model:cloud', 'ollama_cloud me/model'],
  ['openrouter/anthropic/claude-opus-4-7', 'openrouter anthropic/claude-opus-4-7'],
  ['groq/llama-3.3-70b-versatile', 'groq llama-3.3-70b-versatile'],
  ['openai/gpt-oss-20b', 'openai gpt-oss-20b'],
  ['mine/anything', 'mine anything'],
  ['lattice/extract', 'lattice extract'],
  ['tier/local_fast', 'ollama qwen3.5:latest'],
] as const)('%s asks %s', ([name, choice]) => {
  expect(asked(name)).toEqual([choice])
})

test('a prefix is taken off exactly once', () => {
  expect(asked('groq/openai/gpt-oss-20b')[0]).toBe('groq openai/gpt-oss-20b')
  expect(asked('groq/groq/compound')).toEqual(['groq groq/compound'])
  expect(asked('ollama/kimi-k2.6:cloud')).toEqual(['ollama kimi-k2.6:cloud'])
})

test('whatever stands after a known prefix reaches that provider unaltered', () => {
  fc.assert(
    fc.property(fc.constantFrom('groq', 'openrouter', 'ollama', 'mine'), fc.string({ minLength: 1 }), (name, rest) => {
      fc.pre(rest.trim() === rest && `${name}/${rest}` !== 'groq/openai/gpt-oss-20b')
      expect(asked(`${name}/${rest}`)).toEqual([`${name} ${rest}`])
    }),
  )
})

describe('a provider that is chosen already', () => {
  test('is asked alone, for the name as it came', () => {
    expect(asked('openai/gpt-oss-20b', 'groq')).toEqual(['groq openai/gpt-oss-20b'])
    expect(asked('kimi-k2.6:cloud', 'ollama')).toEqual(['ollama kimi-k2.6:cloud'])
    expect(asked('tier/local_fast', 'groq')).toEqual(['groq tier/local_fast'])
  })

  test('is asked for its own model when none is named', () => {
    expect(asked(undefined, 'openai')).toEqual(['openai o'])
    expect(asked(undefined, 'lattice')).toEqual(['lattice extract'])
  })
})

test.for([undefined, 'lattice/default'])('%s asks the configured providers in order', (name) => {
  expect(asked(name)).toEqual(['groq g', 'openai o'])
})

test('a bare name asks the one provider the user named, where one is', () => {
  const forced = { ...routing, chain: { ...chain, forced: 'openai' } }
  expect(routeNamed(forced, { model: 'gpt-x' })).toEqual([{ provider: 'openai', model: 'gpt-x' }])
  expect(routeNamed(forced, { model: 'groq/x' })).toEqual([{ provider: 'groq', model: 'x' }])
  const custom = { ...routing, chain: { ...chain, providers: new Map([['custom', provider('ready')]]) } }
  expect(routeNamed(custom, { model: 'x' })).toEqual([{ provider: 'custom', model: 'x' }])
})

describe('equals', () => {
  test('come after the model they are equals of, those that can be asked', () => {
    expect(asked('groq/openai/gpt-oss-20b')).toEqual(['groq openai/gpt-oss-20b', 'openrouter openai/gpt-oss-20b'])
  })

  test('are found however the name is written', () => {
    expect(asked('ollama_cloud/kimi-k2')).toEqual(['ollama_cloud kimi-k2', 'mine kimi-k2'])
  })

  test('stand in for a model whose provider has no key', () => {
    expect(asked('kimi/kimi-k2.6-turbo')).toEqual(['openrouter moonshotai/kimi-k2.6'])
  })

  test('of a tier are its other models, in order', () => {
    expect(asked('tier/cloud_judge')).toEqual(['ollama_cloud kimi-k2.6', 'openrouter moonshotai/kimi-k2.6'])
    expect(asked('tier/frontier_arch')).toEqual(['groq openai/gpt-oss-120b'])
  })
})

test('a ladder has a tier for each name, in the order they are given', () => {
  expect(ladderOf(routing, ['tier/local_fast', 'groq/openai/gpt-oss-20b'])).toEqual([
    { name: 'tier/local_fast', choices: [{ provider: 'ollama', model: 'qwen3.5:latest' }] },
    {
      name: 'groq/openai/gpt-oss-20b',
      choices: [
        { provider: 'groq', model: 'openai/gpt-oss-20b' },
        { provider: 'openrouter', model: 'openai/gpt-oss-20b' },
      ],
    },
  ])
})

test.for([
  ['kimi/kimi-k2.6', undefined, "provider kimi can't be asked: X_KEY is not set"],
  ['kimi-k2.6', 'kimi', "provider kimi can't be asked: X_KEY is not set"],
  ['x', 'grok', 'there is no provider grok'],
  ['grok/x', undefined, 'there is no provider grok, which grok/x names'],
  ['groq/', undefined, 'groq/ names no model'],
  ['lattice/other', undefined, 'there is no model lattice/other'],
  ['tier/none', undefined, 'there is no tier none'],
  ['tier/local_judge', undefined, 'tier local_judge names no model'],
  ['tier/frontier_free', undefined, "provider kimi can't be asked"],
  ['tier/cloud_review', undefined, 'there is no model tier/local_fast'],
] as const)('%s of %s is unknown, with what is missing', ([model, provider, message]) => {
  expect(() => asked(model, provider)).toThrow(
    expect.objectContaining({ code: 'model.unknown', message: expect.stringContaining(message) }),
  )
})
