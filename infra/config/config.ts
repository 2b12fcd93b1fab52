/**
 * The configuration of a process: flag > environment (a `.env` in the current folder is read) > key files > lattice.toml
 * > default.
 *
 * Promise: read once, typed, frozen; each value knows where it came from. What can't be understood stops the process by
 * `settings.invalid`, naming the variable, flag or line and what is allowed; a secret is never in that message. Nothing
 * else in Lattice reads the environment.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { builtInProvider, customProvider, type ProviderName, providerNames } from '#infra/openai/providers.ts'
import type { BudgetRule, PriceRule } from '#processors/ports/budget-rules.ts'
import { Failure } from '#processors/ports/failure.ts'
import { addedNames, addedSettings } from './added-providers.ts'
import { type MoneyNames, moneyKeys, moneyNames, readBudgets, readPrices } from './money-settings.ts'
import { type KeyFile, readKeyFiles } from './key-files.ts'
import { hideCredentials, readKey } from './read-key.ts'
import { readSettingsFile, type SettingsFile } from './settings-file.ts'
import { list, oneOf, type Setting, someOf } from './setting.ts'
import { everySetting, providerSettings, settings, type TierName, tierNames, tierSettings } from './settings.ts'

export type Config = { readonly [Name in keyof typeof settings]: ValueOf<(typeof settings)[Name]> } & {
  readonly providers: Readonly<Record<ProviderName, ProviderConfig>>
  /** Those of `[providers.<name>]` that are in no table of ours, by name. */
  readonly addedProviders: Readonly<Record<string, AddedProvider>>
  readonly tiers: Readonly<Record<TierName, readonly string[]>>
  /** Equals of a model, by its name; of `[fallbacks]`. */
  readonly fallbacks: Readonly<Record<string, readonly string[]>>
  /** Of `LLM_BUDGET_USD` and `[budgets.<name>]`. */
  readonly budgets: readonly BudgetRule[]
  readonly prices: readonly PriceRule[]
}

type ValueOf<S> = S extends Setting<infer Value> ? Value : never

export interface ProviderConfig {
  /** Undefined when it is not set or a placeholder. */
  readonly apiKey: string | undefined
  /** As the user gave it. */
  readonly baseUrl: string | undefined
  readonly model: string | undefined
}

export interface AddedProvider extends ProviderConfig {
  readonly baseUrl: string
  /** Variable that holds the key; undefined where nobody speaks of one, so that none is needed. */
  readonly keyVariable: string | undefined
  readonly local: boolean
}

/** Where a value came from. `name` is what a user would change: a flag, a variable, a file and line. */
export interface Origin {
  readonly from: 'flag' | 'environment' | '.env' | 'key file' | 'file' | 'default'
  readonly name: string
}

export interface LoadedConfig {
  readonly config: Config
  /** By the setting's path in `Config`, such as `port` or `providers.groq.apiKey`. */
  readonly origins: ReadonlyMap<string, Origin>
  /** Variables that begin with LATTICE_ and mean nothing: most likely misspelt. */
  readonly unknownVariables: readonly string[]
}

export interface ConfigSources {
  /** Values of command line options, by the setting's path in `Config`; undefined ones are not set. */
  readonly flags?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where `.env` and `lattice.toml` are looked for, and what relative paths are relative to. */
  readonly folder?: string
}

/** Reads the configuration. Errors: `settings.invalid`. */
export function readConfig(given: ConfigSources = {}): LoadedConfig {
  const folder = given.folder ?? process.cwd()
  const env = given.env ?? process.env
  const places: Places = {
    folder,
    flags: given.flags ?? {},
    env,
    dotenv: readDotenv(folder),
    keyFiles: new Map(),
    file: undefined,
  }
  const configFile = find(settings.configFile, 'configFile', places).value
  const { file, added, fallbackNames, money } = openSettingsFile(configFile, folder)
  places.file = file
  const keysDir = find(settings.keysDir, 'keysDir', places).value
  if (keysDir !== undefined) places.keyFiles = readKeyFiles(keysDir, [...providerNames, ...added])

  const origins = new Map<string, Origin>()
  const value: ReadValue = (path, one) => {
    const found = find(one, path, places)
    origins.set(path, found.origin)
    return found.value
  }
  const choosable = {
    ...settings,
    provider: { ...settings.provider, kind: oneOf([...providerNames, ...added, customProvider, builtInProvider]) },
    providerOrder: { ...settings.providerOrder, kind: someOf([...providerNames, ...added, builtInProvider]) },
  }
  const named = Object.fromEntries(Object.entries(choosable).map(([name, one]) => [name, value(name, one)]))
  const perProvider = providerNames.map((name) => [name, providerConfig(name, value)] as const)
  const perAdded = added.map((name) => [name, addedProvider(name, { value, places })] as const)
  const perTier = tierNames.map((name) => [name, value(`tiers.${name}`, tierSettings[name])] as const)
  const fallbacks = fallbackNames.map(
    (name) => [name, list.read(entryOf(file, `fallbacks.${name}`), '') ?? []] as const,
  )
  const read = {
    ...named,
    configFile,
    providers: Object.freeze(Object.fromEntries(perProvider)),
    addedProviders: Object.freeze(Object.fromEntries(perAdded)),
    tiers: Object.freeze(Object.fromEntries(perTier)),
    fallbacks: Object.freeze(Object.fromEntries(fallbacks)),
    budgets: readBudgets(file, money.budgets, named['llmBudgetUsd'] as number | undefined),
    prices: readPrices(file, money.prices),
  } as Config

  // Set to nothing there is none: a variable or a line that is empty is not the same as none here.
  const sessionLog =
    read.sessionLog ?? (origins.get('sessionLog')?.from === 'default' ? join(read.data, 'sessions.jsonl') : undefined)
  const log = read.log === 'embedded:' ? `embedded:${read.data}` : read.log
  const config = Object.freeze({ ...read, log, sessionLog })
  refuseContradictions(config, origins)
  return { config, origins, unknownVariables: unknownVariables({ ...places.dotenv, ...env }) }
}

type ReadValue = (path: string, one: Setting<unknown>) => unknown

interface Places {
  readonly folder: string
  readonly flags: NonNullable<ConfigSources['flags']>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly dotenv: Readonly<Record<string, string | undefined>>
  keyFiles: ReadonlyMap<string, KeyFile>
  file: SettingsFile | undefined
}

function providerConfig(name: ProviderName, value: ReadValue): ProviderConfig {
  const { apiKey, baseUrl, model } = providerSettings[name]
  const read = (key: string, one: Setting<string | undefined> | undefined): string | undefined =>
    one === undefined ? undefined : (value(`providers.${name}.${key}`, one) as string | undefined)
  const key = read('apiKey', apiKey)
  return Object.freeze({
    apiKey: key === undefined || apiKey === undefined ? undefined : readKey(key, apiKey.env[0]),
    baseUrl: read('baseUrl', baseUrl),
    model: read('model', model),
  })
}

function addedProvider(name: string, { value, places }: { value: ReadValue; places: Places }): AddedProvider {
  const own = addedSettings(name)
  const keyVariable = find(own.apiKeyEnv, `providers.${name}.apiKeyEnv`, places).value
  const { apiKey } = addedSettings(name, keyVariable)
  const read = (key: string, one: Setting<unknown>): unknown => value(`addedProviders.${name}.${key}`, one)
  const key = read('apiKey', apiKey) as string | undefined
  const baseUrl = read('baseUrl', own.baseUrl) as string | undefined
  if (baseUrl === undefined) {
    const place = `${places.file?.path} line ${lineBelow(places.file, `providers.${name}.`)}`
    throw new Failure('settings.invalid', `${place}: providers.${name} has no base_url`, {
      remedy: `Set base_url there, or use one of ${providerNames.join(', ')}.`,
    })
  }
  const wantsKey = key !== undefined || keyVariable !== undefined || places.keyFiles.has(name)
  return Object.freeze({
    apiKey: key === undefined ? undefined : readKey(key, apiKey.env[0]),
    baseUrl,
    model: read('model', own.model) as string | undefined,
    keyVariable: wantsKey ? apiKey.env[0] : undefined,
    local: read('local', own.local) as boolean,
  })
}

function lineBelow(file: SettingsFile | undefined, prefix: string): number {
  return Math.min(...[...(file?.entries ?? [])].filter(([key]) => key.startsWith(prefix)).map(([, { line }]) => line))
}

function entryOf(file: SettingsFile | undefined, key: string): string {
  return file?.entries.get(key)?.text ?? ''
}

/** A setting from the first place that has it. A variable that is set but empty means "not set", and hides later places. */
function find<Value>(one: Setting<Value>, path: string, places: Places): { value: Value; origin: Origin } {
  const raw = rawValue(one, path, places)
  if (raw === undefined) return { value: freshDefault(one, places.folder), origin: { from: 'default', name: '' } }

  const given = raw.text.trim()
  if (given === '') return { value: freshDefault(one, places.folder), origin: raw.origin }
  const value = one.kind.read(given, raw.folder)
  if (value === undefined) throw invalid(one, given, raw.origin)
  return { value: Array.isArray(value) ? (Object.freeze(value) as typeof value) : value, origin: raw.origin }
}

function rawValue(
  one: Setting<unknown>,
  path: string,
  places: Places,
): { text: string; origin: Origin; folder: string } | undefined {
  const { folder, file } = places
  const flag = places.flags[path]
  if (flag !== undefined) {
    return { text: String(flag), origin: { from: 'flag', name: one.flag?.split(' ')[0] ?? path }, folder }
  }
  for (const [from, variables] of [
    ['environment', places.env],
    ['.env', places.dotenv],
  ] as const) {
    for (const name of one.env) {
      const text = variables[name]
      if (text !== undefined) return { text, origin: { from, name }, folder }
    }
  }
  const keys = places.keyFiles.get(/^(?:added)?[pP]roviders\.([^.]+)\./.exec(path)?.[1] ?? '')
  for (const name of keys === undefined ? [] : one.env) {
    const text = keys?.variables[name]
    if (keys !== undefined && text !== undefined)
      return { text, origin: { from: 'key file', name: `${name} in ${keys.path}` }, folder }
  }
  const entry = one.toml === undefined ? undefined : file?.entries.get(one.toml)
  if (file === undefined || entry === undefined) return undefined
  return {
    text: entry.text,
    origin: { from: 'file', name: `${file.path}:${entry.line} (${one.toml})` },
    folder: dirname(file.path),
  }
}

/** A default is written as a user would write it, so paths are resolved like any other. */
function freshDefault<Value>(one: Setting<Value>, folder: string): Value {
  return typeof one.default === 'string' ? (one.kind.read(one.default, folder) ?? one.default) : one.default
}

function invalid(one: Setting<unknown>, given: string, origin: Origin): Failure {
  const shown = one.secret === true ? 'what it is' : `'${hideCredentials(given).slice(0, 80)}'`
  return new Failure('settings.invalid', `${origin.name} can't be ${shown}: it takes ${one.kind.allowed}`, {
    remedy: `Set ${origin.name} to ${one.kind.allowed}, or remove it.`,
  })
}

function refuseContradictions(config: Config, origins: ReadonlyMap<string, Origin>): void {
  const nameOf = (path: string): string => origins.get(path)?.name ?? path
  if (config.provider === 'custom' && config.baseUrl === undefined) {
    throw new Failure('settings.invalid', `${nameOf('provider')} is custom, which needs LATTICE_BASE_URL`, {
      remedy: 'Set LATTICE_BASE_URL to the base URL of an OpenAI-compatible endpoint.',
    })
  }
  if (config.authToken !== undefined && readKey(config.authToken, 'LATTICE_AUTH_TOKEN') === undefined) {
    throw new Failure('settings.invalid', `${nameOf('authToken')} is a placeholder, which would protect nothing`, {
      remedy: `Set ${nameOf('authToken')} to a secret of your own, or remove it.`,
    })
  }
}

function readDotenv(folder: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(join(folder, '.env'), 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    // A virtual environment of Python may be a folder of that name.
    if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return {}
    throw new Failure(
      'settings.invalid',
      `.env in ${folder} can't be read (${(error as NodeJS.ErrnoException).code})`,
      {
        remedy: 'Make .env readable, or run Lattice in another folder.',
        cause: error,
      },
    )
  }
}

interface OpenedFile {
  readonly file: SettingsFile | undefined
  /** Providers it adds, and models it gives equals of. */
  readonly added: readonly string[]
  readonly fallbackNames: readonly string[]
  readonly money: MoneyNames
}

function openSettingsFile(named: string | undefined, folder: string): OpenedFile {
  const path = named ?? resolve(folder, 'lattice.toml')
  if (named === undefined && !existsSync(path))
    return { file: undefined, added: [], fallbackNames: [], money: moneyNames({}) }
  let added: readonly string[] = []
  let fallbackNames: readonly string[] = []
  let money = moneyNames({})
  const file = readSettingsFile(path, (parsed) => {
    added = addedNames(parsed)
    money = moneyNames(parsed)
    const { fallbacks } = parsed
    fallbackNames = typeof fallbacks === 'object' && fallbacks !== null ? Object.keys(fallbacks) : []
    const own = [
      ...everySetting.values(),
      ...added.flatMap((name) => Object.values<Setting<unknown>>({ ...addedSettings(name) })),
    ]
    const keys = own.map((one) => one.toml).filter((key) => key !== undefined)
    const named = [...fallbackNames.map((name) => `fallbacks.${name}`), ...moneyKeys(money)]
    return { keys: new Set([...keys, ...named]), tables: ['fallbacks', 'budgets', 'prices'] }
  })
  return { file, added, fallbackNames, money }
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set([...everySetting.values()].flatMap((one) => one.env))
  return Object.keys(env)
    .filter((name) => name.startsWith('LATTICE_') && !name.startsWith('LATTICE_TEST_') && !known.has(name))
    .sort()
}
