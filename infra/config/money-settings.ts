/**
 * What lattice.toml says of money: `[budgets.<name>]` and `[prices."<provider>/<model>"]`.
 *
 * Promise: each is read like a setting: what can't be understood stops the process by `settings.invalid`, naming the
 * line and what is allowed. Amounts are whole micro-dollars from here on.
 */
import { budgetPeriods, type BudgetRule, type PriceRule } from '#processors/ports/budget-rules.ts'
import { Failure } from '#processors/ports/failure.ts'
import type { SettingsFile } from './settings-file.ts'
import { decimal, integer, type Kind, oneOf, text } from './setting.ts'

const mostUsd = 1_000_000_000

const tag: Kind<{ readonly name: string; readonly value: string }> = {
  allowed: 'a tag and its value, as team=search, with * for any characters',
  read(given) {
    const [, name, value] = /^([^=*]+)=(.+)$/.exec(given) ?? []
    return name === undefined || value === undefined ? undefined : { name: name.trim(), value: value.trim() }
  },
}

const budgetKeys = { usd: decimal(0, mostUsd), period: oneOf(budgetPeriods), principal: text, model: text, tag }
const priceKeys = {
  input: decimal(0, mostUsd),
  output: decimal(0, mostUsd),
  cached_input: decimal(0, mostUsd),
  cache_write: decimal(0, mostUsd),
  max_output: integer(1),
}

export interface MoneyNames {
  readonly budgets: readonly string[]
  readonly prices: readonly string[]
}

/** The names below `[budgets]` and `[prices]` of a parsed file. */
export function moneyNames(parsed: Readonly<Record<string, unknown>>): MoneyNames {
  return { budgets: tablesOf(parsed['budgets']), prices: tablesOf(parsed['prices']) }
}

export function moneyKeys({ budgets, prices }: MoneyNames): readonly string[] {
  return [
    ...budgets.flatMap((name) => Object.keys(budgetKeys).map((key) => `budgets.${name}.${key}`)),
    ...prices.flatMap((name) => Object.keys(priceKeys).map((key) => `prices.${name}.${key}`)),
  ]
}

/** `llmUsd` is the budget `llm` of a day, over everything; it goes before one of that name in the file. */
export function readBudgets(
  file: SettingsFile | undefined,
  names: readonly string[],
  llmUsd: number | undefined,
): readonly BudgetRule[] {
  const all = names.map((name) => readBudget(file, name))
  if (llmUsd === undefined) return all
  const llm = { name: 'llm', limitMicroUsd: microUsd(llmUsd), period: 'day' } as const
  return [llm, ...all.filter(({ name }) => name !== llm.name)]
}

function readBudget(file: SettingsFile | undefined, name: string): BudgetRule {
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw invalid(file, `budgets.${name}`, 'a name of 1 to 64 letters, digits, dots, dashes and underscores')
  }
  const read = reader(file, `budgets.${name}`)
  const usd = read('usd', budgetKeys.usd)
  if (usd === undefined) throw invalid(file, `budgets.${name}.usd`, budgetKeys.usd.allowed)
  const principal = read('principal', budgetKeys.principal)
  const model = read('model', budgetKeys.model)
  const tagged = read('tag', budgetKeys.tag)
  return {
    name,
    limitMicroUsd: microUsd(usd),
    period: read('period', budgetKeys.period) ?? 'day',
    ...(principal === undefined ? {} : { principal }),
    ...(model === undefined ? {} : { model }),
    ...(tagged === undefined ? {} : { tag: tagged }),
  }
}

export function readPrices(file: SettingsFile | undefined, names: readonly string[]): readonly PriceRule[] {
  return names.map((pattern) => {
    const at = `prices.${pattern}`
    if (!pattern.includes('/')) throw invalid(file, at, 'a name as <provider>/<model>, with * for any characters')
    const read = reader(file, at)
    const input = read('input', priceKeys.input)
    const output = read('output', priceKeys.output)
    if (input === undefined)
      throw invalid(file, `${at}.input`, `US dollars a million tokens, ${priceKeys.input.allowed}`)
    if (output === undefined) {
      throw invalid(file, `${at}.output`, `US dollars a million tokens, ${priceKeys.output.allowed}`)
    }
    const maxOutput = read('max_output', priceKeys.max_output)
    const cachedInput = read('cached_input', priceKeys.cached_input)
    const cacheWrite = read('cache_write', priceKeys.cache_write)
    return {
      pattern,
      input,
      output,
      ...(cachedInput === undefined ? {} : { cachedInput }),
      ...(cacheWrite === undefined ? {} : { cacheWrite }),
      ...(maxOutput === undefined ? {} : { maxOutput }),
    }
  })
}

type Read = <Value>(key: string, kind: Kind<Value>) => Value | undefined

function reader(file: SettingsFile | undefined, table: string): Read {
  return (key, kind) => {
    const entry = file?.entries.get(`${table}.${key}`)
    if (entry === undefined) return undefined
    const value = kind.read(entry.text.trim(), '')
    if (value === undefined) throw invalid(file, `${table}.${key}`, kind.allowed)
    return value
  }
}

function invalid(file: SettingsFile | undefined, key: string, allowed: string): Failure {
  const table = key.slice(0, key.lastIndexOf('.') + 1)
  const entries = [...(file?.entries ?? [])]
  const near = entries.find(([name]) => name === key) ?? entries.find(([name]) => name.startsWith(`${key}.`))
  const line = (near ?? entries.find(([name]) => name.startsWith(table)))?.[1].line
  const where = `${file?.path ?? 'lattice.toml'}${line === undefined ? '' : ` line ${line}`}`
  return new Failure('settings.invalid', `${where}: ${key} needs ${allowed}`, { remedy: `Set ${key} to ${allowed}.` })
}

function tablesOf(parent: unknown): readonly string[] {
  if (typeof parent !== 'object' || parent === null) return []
  return Object.entries(parent)
    .filter(([, one]) => typeof one === 'object' && one !== null && !Array.isArray(one))
    .map(([name]) => name)
}

function microUsd(usd: number): number {
  return Math.round(usd * 1_000_000)
}
