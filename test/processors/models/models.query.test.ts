/** What a process tells of its models: who is registered, how they are, and which names there are. */
import { expect, test } from 'vitest'
import type { ListedModels } from '#processors/models/given-models.ts'
import type { GuardedProviders } from '#processors/models/guard-providers.ts'
import { openModelQueries } from '#processors/models/models.query.ts'
import type { RoutableProvider } from '#processors/models/route-model.ts'
import type { ModelProvider } from '#processors/ports/model-provider.ts'

const provider = (local: boolean, state: RoutableProvider['state']): RoutableProvider => ({
  local,
  model: undefined,
  defaultModel: 'default',
  state,
  missing: state === 'unconfigured' ? 'KIMI_API_KEY is not set' : '',
})

function world() {
  const state = { now: 0, asked: [] as string[], groq: { answers: true, models: ['openai/gpt-oss-20b'], reason: '' } }
  const opened: ModelProvider = {
    name: 'x',
    url: 'http://x/v1',
    defaultModel: 'default',
    complete: async () => ({ ok: true, content: '', raw: '' }),
  }
  const healthy = { ...opened, health: async () => ({ answers: true, detail: 'Ollama 0.12' }) }
  const queries = openModelQueries({
    models: {
      chain: {
        order: [],
        forced: undefined,
        firstModel: undefined,
        providers: new Map([
          ['groq', provider(false, 'ready')],
          ['kimi', provider(false, 'unconfigured')],
          ['ollama', provider(true, 'if-answering')],
        ]),
      },
      providers: (name) => (name === 'ollama' ? healthy : name === 'groq' ? opened : undefined),
      probeLocal: async () => new Map([['ollama', ['llama3.2:latest']]]),
      async list(name): Promise<ListedModels> {
        state.asked.push(name)
        return state.groq
      },
      names: {
        tiers: new Map([
          ['local_fast', ['llama3.2']],
          ['local_judge', []],
        ]),
        fallbacks: new Map(),
        refusesTemperature: [],
      },
      breakerFailures: 5,
    },
    guarded: {
      breakerOf: () => ({ is: 'open', failures: 5, reason: 'cut', coolDownMs: 9, openedAt: 0, since: 0, until: 40 }),
    } as unknown as GuardedProviders,
    clock: { monotonic: () => state.now, now: () => 0, sleep: async () => {}, newId: () => '' },
  })
  return { state, queries }
}

test('a provider is registered unless it lacks its key', () => {
  expect(world().queries.registered()).toEqual({ groq: true, kimi: false, ollama: true })
})

test('the list has tiers that are set, what servers offer, and default models', async () => {
  const { queries } = world()
  expect((await queries.list()).map(({ id }) => id)).toEqual([
    'lattice/default',
    'lattice/extract',
    'tier/local_fast',
    'groq/openai/gpt-oss-20b',
    'groq/default',
    'ollama/llama3.2:latest',
  ])
})

test('a hosted list is kept for minutes, and one that could not be had for less', async () => {
  const { state, queries } = world()
  await queries.list()
  state.now = 299_000
  await queries.list()
  expect(state.asked).toEqual(['groq'])
  state.now = 301_000
  state.groq = { answers: false, models: [], reason: 'no' }
  await queries.list()
  state.now = 332_000
  await queries.list()
  expect(state.asked).toEqual(['groq', 'groq', 'groq'])
})

test.for([
  ['groq/openai/gpt-oss-20b', 'groq/openai/gpt-oss-20b'],
  ['llama3.2', 'ollama/llama3.2:latest'],
  ['ollama/llama3.2', 'ollama/llama3.2:latest'],
  ['tier/local_fast', 'tier/local_fast'],
  ['tier/local_judge', undefined],
  ['groq/none', undefined],
  ['none', undefined],
] as const)('%s is found as %s', async ([name, id]) => {
  expect((await world().queries.find(name))?.id).toBe(id)
})

test('details tell of key, breaker and health', async () => {
  const { groq, kimi, ollama } = await world().queries.providers()
  expect(groq).toMatchObject({ registered: true, url: 'http://x/v1', breaker: 'open', restMs: 40, health: '1 models' })
  expect(kimi).toMatchObject({ registered: false, url: '', answers: false, health: 'KIMI_API_KEY is not set' })
  expect(ollama).toMatchObject({ local: true, answers: true, health: 'Ollama 0.12' })
})
