/** Which provider and model is asked, first to last. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RoutableChain, type RoutableProvider, routeModel } from '#processors/models/route-model.ts'

type State = RoutableProvider['state']

function provider(state: State, more: Partial<RoutableProvider> = {}): RoutableProvider {
  return {
    local: state === 'if-answering',
    model: undefined,
    defaultModel: 'default',
    state,
    missing: 'X_KEY is not set',
    ...more,
  }
}

function chain(providers: Record<string, RoutableProvider>, more: Partial<RoutableChain> = {}): RoutableChain {
  return {
    order: Object.keys(providers),
    forced: undefined,
    firstModel: undefined,
    providers: new Map(Object.entries(providers)),
    ...more,
  }
}

const nobody = new Map<string, string[]>()
const usual = chain({
  groq: provider('ready', { defaultModel: 'g' }),
  gemini: provider('unconfigured'),
  openai: provider('ready', { defaultModel: 'o', model: 'o-own' }),
  ollama: provider('if-answering', { defaultModel: 'llama3.2' }),
})

describe('the chain', () => {
  test('is what is configured, in order, each with its own model', () => {
    expect(routeModel(usual, nobody)).toEqual({
      choices: [
        { provider: 'groq', model: 'g' },
        { provider: 'openai', model: 'o-own' },
      ],
      standsIn: false,
    })
  })

  test('has a local server when it answers', () => {
    expect(routeModel(usual, new Map([['ollama', ['llama3.2:latest']]])).choices.at(-1)).toEqual({
      provider: 'ollama',
      model: 'llama3.2',
    })
  })

  test('gives LATTICE_MODEL to the first alone', () => {
    const models = routeModel({ ...usual, firstModel: 'mine' }, nobody).choices.map(({ model }) => model)
    expect(models).toEqual(['mine', 'o-own'])
  })

  test('gives LATTICE_MODEL to a local server that comes first by answering', () => {
    const local = chain({ ollama: provider('if-answering'), groq: provider('ready') }, { firstModel: 'mine' })
    expect(routeModel(local, new Map([['ollama', ['x']]])).choices[0]).toEqual({ provider: 'ollama', model: 'mine' })
    expect(routeModel(local, nobody).choices).toEqual([{ provider: 'groq', model: 'mine' }])
  })

  test.for([
    [['qwen3:4b', 'phi4'], 'qwen3:4b'],
    [['nomic-embed-text', 'bge-m3', 'phi4'], 'phi4'],
    [['phi4', 'llama3.2:latest'], 'llama3.2'],
    [['nomic-embed-text'], 'llama3.2'],
    [[], 'llama3.2'],
  ] as const)('of a server with %j, %s is asked', ([models, model]) => {
    const local = chain({ ollama: provider('ready', { local: true, defaultModel: 'llama3.2' }) })
    expect(routeModel(local, new Map([['ollama', [...models]]])).choices).toEqual([{ provider: 'ollama', model }])
  })
})

describe('the built-in model', () => {
  const extract = { provider: 'lattice', model: 'extract' }

  test('stands in when nothing is configured and nothing answers', () => {
    const none = chain({ groq: provider('unconfigured'), ollama: provider('if-answering') })
    expect(routeModel(none, nobody)).toEqual({ choices: [extract], standsIn: true })
  })

  test('is not told of when it was named', () => {
    for (const wanted of [{ model: 'lattice/extract' }, { provider: 'lattice' }]) {
      expect(routeModel(usual, nobody, wanted)).toEqual({ choices: [extract], standsIn: false })
    }
    expect(routeModel({ ...usual, order: ['groq', 'lattice'] }, nobody).choices.at(-1)).toEqual(extract)
  })

  test('never stands behind a provider that is configured', () => {
    const state = fc.constantFrom<State>('ready', 'if-answering', 'unconfigured')
    const providers = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), state)
    const answering = fc.subarray(['a', 'b', 'c', 'd'])
    fc.assert(
      fc.property(providers, answering, (states, names) => {
        const given = chain(Object.fromEntries(Object.entries(states).map(([name, one]) => [name, provider(one)])))
        const { choices, standsIn } = routeModel(given, new Map(names.map((name) => [name, []])))
        const usable = Object.entries(states).filter(
          ([name, one]) => one === 'ready' || (one === 'if-answering' && names.includes(name)),
        )
        expect(standsIn).toBe(usable.length === 0)
        expect(choices.map((choice) => choice.provider)).toEqual(standsIn ? ['lattice'] : usable.map(([name]) => name))
      }),
    )
  })
})

describe('what a task wants', () => {
  test('is one provider alone, with its own model and not that of the settings', () => {
    expect(routeModel({ ...usual, firstModel: 'mine' }, nobody, { provider: 'openai' }).choices).toEqual([
      { provider: 'openai', model: 'o-own' },
    ])
  })

  test('is a model, asked of the first provider', () => {
    expect(routeModel(usual, nobody, { model: 'big' }).choices[0]).toEqual({ provider: 'groq', model: 'big' })
  })

  test('is a provider without a key: it is said what is missing', () => {
    expect(() => routeModel(usual, nobody, { provider: 'gemini' })).toThrow(
      expect.objectContaining({ code: 'provider.unconfigured', message: expect.stringContaining('X_KEY is not set') }),
    )
  })

  test('is a local server that does not answer: it is asked all the same, so that the error names it', () => {
    expect(routeModel(usual, nobody, { provider: 'ollama' }).choices).toEqual([
      { provider: 'ollama', model: 'llama3.2' },
    ])
  })

  test('is a provider nobody knows: the known ones are named', () => {
    expect(() => routeModel(usual, nobody, { provider: 'grok' })).toThrow(
      expect.objectContaining({ code: 'request.invalid', remedy: expect.stringContaining('groq, gemini') }),
    )
  })
})
