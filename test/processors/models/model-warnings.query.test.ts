/** What `doctor` says of tiers and equals that are most likely not meant. */
import { expect, test } from 'vitest'
import { modelWarnings } from '#processors/models/model-warnings.query.ts'
import type { RoutableProvider } from '#processors/models/route-model.ts'

const provider = (local: boolean, missing = ''): RoutableProvider => ({
  local,
  model: undefined,
  defaultModel: 'm',
  state: missing === '' ? 'ready' : 'unconfigured',
  missing,
})

const chain = {
  order: [],
  forced: undefined,
  firstModel: undefined,
  providers: new Map([
    ['ollama', provider(true)],
    ['ollama_cloud', provider(false)],
    ['openrouter', provider(false)],
    ['house', { ...provider(false), baseUrl: 'http://127.0.0.1:8080/v1' }],
    ['kimi', provider(false, 'KIMI_API_KEY is not set')],
  ]),
}

function warnings(tiers: Record<string, string[]>, fallbacks: Record<string, string[]> = {}) {
  const names = { refusesTemperature: [] }
  const given = { tiers: new Map(Object.entries(tiers)), fallbacks: new Map(Object.entries(fallbacks)) }
  return modelWarnings({ chain, names: { ...names, ...given } })
}

test('tiers that go where their names say are not warned of', () => {
  const fine = {
    local_fast: ['qwen3.5:latest', 'ollama/x'],
    cloud_judge: ['kimi-k2.6:cloud'],
    frontier_arch: ['openrouter/a/b'],
  }
  expect(warnings(fine, { 'ollama/x': ['openrouter/x/y'] })).toEqual([])
})

test.for([
  ['local_fast', 'openrouter/a/b', 'openrouter/a/b goes to openrouter, which is hosted', 'A local tier'],
  ['local_judge', 'kimi-k2.6:cloud', 'kimi-k2.6:cloud goes to ollama_cloud, which is hosted', 'A local tier'],
  ['cloud_review', 'qwen3-coder:480b', 'qwen3-coder:480b goes to ollama, which is local', 'end it in :cloud'],
  ['frontier_arch', 'kimi/k', 'kimi/k goes to kimi: KIMI_API_KEY is not set', 'Configure kimi.'],
  ['frontier_free', 'opnrouter/a/b', 'there is no provider opnrouter', 'Did you mean openrouter/a/b?'],
  ['frontier_free', 'zzz/a', 'there is no provider zzz', 'Begin with one of'],
] as const)('%s = %s is warned of', ([tier, model, detail, remedy]) => {
  expect(warnings({ [tier]: [model] })).toEqual([
    {
      what: `tier/${tier}`,
      detail: expect.stringContaining(detail),
      remedy: expect.stringContaining(remedy),
    },
  ])
})

test('a weak model in a frontier tier is warned of, however its name is written; in a local one it is at home', () => {
  const weak_models = ['kimi-k2.6:cloud', 'qwen3:latest']
  const tiers = { weak_models, local_fast: ['qwen3:latest'], frontier_free: ['ollama_cloud/kimi-k2.6'] }
  expect(warnings(tiers)).toEqual([
    { what: 'tier/frontier_free', detail: 'ollama_cloud/kimi-k2.6 counts as weak', remedy: expect.any(String) },
  ])
})

test('equals are looked at on both sides', () => {
  expect(warnings({}, { 'olama/x': ['kimi/x'] }).map(({ what, remedy }) => [what, remedy])).toEqual([
    ['fallback olama/x', 'Did you mean ollama/x?'],
    ['fallback olama/x', 'Configure kimi.'],
  ])
})

test('a provider on loopback that is not said to be local is told how', () => {
  expect(warnings({ local_fast: ['house/m'] })).toMatchObject([
    { what: 'tier/local_fast', remedy: 'It is asked on this machine: set local = true in [providers.house].' },
  ])
})
