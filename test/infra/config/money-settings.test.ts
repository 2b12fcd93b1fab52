/** Budgets and prices as lattice.toml gives them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '#infra/config/config.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-money-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function read(toml: string, env: Record<string, string> = {}) {
  writeFileSync(join(folder, 'lattice.toml'), toml)
  return readConfig({ env, folder }).config
}

test('budgets are read, in micro-dollars', () => {
  const { budgets } = read(
    `
    [budgets.team-a]
    usd = 12.5
    period = "month"
    principal = "ann"
    model = "groq/*"
    tag = "team=a"
    [budgets."by.hour"]
    usd = 0.000001
    period = "hour"
  `,
    { LLM_BUDGET_USD: '3' },
  )
  expect(budgets).toEqual([
    { name: 'llm', limitMicroUsd: 3_000_000, period: 'day' },
    {
      name: 'team-a',
      limitMicroUsd: 12_500_000,
      period: 'month',
      principal: 'ann',
      model: 'groq/*',
      tag: { name: 'team', value: 'a' },
    },
    { name: 'by.hour', limitMicroUsd: 1, period: 'hour' },
  ])
})

test('LLM_BUDGET_USD goes before [budgets.llm]; without either there is none', () => {
  const file = '[budgets.llm]\nusd = 5\nperiod = "month"'
  expect(read(file).budgets).toEqual([{ name: 'llm', limitMicroUsd: 5_000_000, period: 'month' }])
  expect(read(file, { LLM_BUDGET_USD: '0' }).budgets).toEqual([{ name: 'llm', limitMicroUsd: 0, period: 'day' }])
  expect(read('').budgets).toEqual([])
})

test('prices are read under their model’s name, dots and slashes included', () => {
  const { prices } = read(`
    [prices."groq/openai/gpt-4.1"]
    input = 0.075
    output = 0.3
    max_output = 65_536
    cached_input = 0.0375
    cache_write = 0.1
    [prices."custom/*"]
    input = 0
    output = 0
  `)
  expect(prices).toEqual([
    {
      pattern: 'groq/openai/gpt-4.1',
      input: 0.075,
      output: 0.3,
      cachedInput: 0.0375,
      cacheWrite: 0.1,
      maxOutput: 65_536,
    },
    { pattern: 'custom/*', input: 0, output: 0 },
  ])
})

test.for([
  ['[budgets.a]\nperiod = "day"', 'line 2: budgets.a.usd needs'],
  ['[budgets.a]\nusd = 1\nperiod = "week"', 'line 3: budgets.a.period needs one of hour, day, month, total'],
  ['[budgets.a]\nusd = -1', 'line 2: budgets.a.usd needs'],
  ['[budgets.a]\nusd = 1\ntag = "team"', 'line 3: budgets.a.tag needs a tag and its value'],
  ['[budgets.a]\nusd = 1\ncolour = "red"', 'line 3: budgets.a.colour is not a setting'],
  ['[budgets."a b"]\nusd = 1', 'budgets.a b needs a name'],
  ['[prices."p/m"]\ninput = 1', 'line 2: prices.p/m.output needs'],
  ['[prices."p/m"]\ninput = 1\noutput = "cheap"', 'line 3: prices.p/m.output needs'],
  ['[prices.m]\ninput = 1\noutput = 1', 'prices.m needs a name as <provider>/<model>'],
] as const)('%s is refused by its line', ([toml, message]) => {
  expect(() => read(toml)).toThrow(message)
})
