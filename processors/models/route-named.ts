/**
 * Which provider and model a request asks by the name it gives: the choices of one tier, or a ladder of several names.
 *
 * Promise: pure. A prefix that names a provider is taken off exactly once, and a name whose provider is chosen is never
 * routed again: `groq/openai/gpt-oss-20b` asks groq for `openai/gpt-oss-20b`. What can't be asked is `model.unknown` and
 * says what is missing, before anything is called.
 */
import { Failure, isFailure } from '#processors/ports/failure.ts'
import { builtIn, type ModelChoice, type RoutableChain, routeModel } from './route-model.ts'

/** What the settings say of model names. */
export interface ModelNames {
  /** The models behind `tier/<name>`, in the order they are tried; `weak_models` is one of them. */
  readonly tiers: ReadonlyMap<string, readonly string[]>
  /** A model name and its equals elsewhere, asked when it can't be had. */
  readonly fallbacks: ReadonlyMap<string, readonly string[]>
  /** Names of models that refuse `temperature`, beside those known to. */
  readonly refusesTemperature: readonly string[]
}

export interface Routing {
  readonly chain: RoutableChain
  /** The local servers that answer now, with their models; looked at for default models alone. */
  readonly answering: ReadonlyMap<string, readonly string[]>
  readonly names: Pick<ModelNames, 'tiers' | 'fallbacks'>
}

export interface Named {
  /** The model's name as the request has it; the configured order when there is none. */
  readonly model?: string
  /** Chosen already: `model` is then that provider's own name for it, and it is asked alone. */
  readonly provider?: string
}

/** One step of a run's ladder: choices of the same quality. */
export interface NamedTier {
  readonly name: string
  readonly choices: readonly ModelChoice[]
}

export const tierPrefix = 'tier/'
/** The tier that also says of its models that they count as weak. */
export const weakTier = 'weak_models'
export const defaultModelName = 'lattice/default'
const extractName = 'lattice/extract'
/** Where names without a prefix go. */
const bareProvider = 'ollama'
const cloudProvider = 'ollama_cloud'
const cloudSuffix = ':cloud'

/** The choices for a name, first to last. Errors: `model.unknown`. */
export function routeNamed(routing: Routing, { model, provider }: Named): readonly ModelChoice[] {
  const name = model?.trim() ?? ''
  if (provider !== undefined && provider !== '') return [chosen(routing, provider, name)]
  if (name === '' || name === defaultModelName) return routeModel(routing.chain, routing.answering).choices
  if (!name.startsWith(tierPrefix)) return firstThatCan(routing, [name])
  return firstThatCan(routing, modelsOfTier(routing, name.slice(tierPrefix.length)))
}

/** One tier for each name, weaker to stronger as they are given. Errors: `model.unknown`. */
export function ladderOf(routing: Routing, names: readonly string[]): readonly NamedTier[] {
  return names.map((name) => ({ name, choices: routeNamed(routing, { model: name }) }))
}

/** Where a name leads, whether or not it can be asked. Errors: `model.unknown`, where it leads nowhere. */
export function choiceNamed(chain: RoutableChain, name: string): ModelChoice {
  if (name === extractName) return builtIn
  const slash = name.indexOf('/')
  const prefix = slash === -1 ? '' : name.slice(0, slash)
  if (chain.providers.has(prefix)) {
    const rest = name.slice(slash + 1)
    if (rest === '') throw unknown(`${name} names no model`, `Put the model's name after ${prefix}/.`)
    return { provider: prefix, model: rest }
  }
  if (prefix === builtIn.provider || prefix === 'tier')
    throw unknown(`there is no model ${name}`, `Of ${prefix}/ there is ${prefix === 'tier' ? 'a tier' : extractName}.`)
  if (name.endsWith(cloudSuffix) && name !== cloudSuffix)
    return { provider: cloudProvider, model: name.slice(0, -cloudSuffix.length) }
  if (prefix !== '') throw unknownPrefix(chain, name, prefix)
  return { provider: providerOfBare(chain), model: name }
}

/** Why a provider can't be asked, in words; undefined when it can. */
export function missingOf(chain: RoutableChain, name: string): string | undefined {
  if (name === builtIn.provider) return undefined
  const provider = chain.providers.get(name)
  if (provider === undefined) return `there is no provider ${name}`
  return provider.state === 'unconfigured' ? provider.missing : undefined
}

/** A user who named one provider, or gave one URL, means it; otherwise it is local Ollama. */
function providerOfBare({ forced, providers }: RoutableChain): string {
  if (forced !== undefined && providers.has(forced)) return forced
  return providers.has('custom') ? 'custom' : bareProvider
}

function chosen({ chain, answering }: Routing, provider: string, model: string): ModelChoice {
  mustBeAskable(chain, provider)
  if (provider === builtIn.provider) return builtIn
  if (model !== '') return { provider, model }
  return routeModel(chain, answering, { provider }).choices[0] ?? builtIn
}

/** The models of these names and their equals that can be asked; the first one's trouble when none can. */
function firstThatCan({ chain, names: { fallbacks } }: Routing, names: readonly string[]): readonly ModelChoice[] {
  const wanted = names.map((name) => leadsTo(chain, name))
  const equal = wanted.flatMap((one) => [one, ...equalsOf(one, { chain, fallbacks })])
  const able = equal.flatMap((one) =>
    one instanceof Failure || missingOf(chain, one.provider) !== undefined ? [] : [one],
  )
  const [first] = equal
  if (able.length === 0 && first !== undefined) {
    if (first instanceof Failure) throw first
    mustBeAskable(chain, first.provider)
  }
  return [...new Map(able.map((choice) => [`${choice.provider}/${choice.model}`, choice])).values()]
}

/** Equals of a model, whichever way its name is written in the settings. */
function equalsOf(
  choice: ModelChoice | Failure,
  { chain, fallbacks }: { chain: RoutableChain; fallbacks: ModelNames['fallbacks'] },
): readonly (ModelChoice | Failure)[] {
  if (choice instanceof Failure) return []
  const same = (name: string): boolean => {
    const other = leadsTo(chain, name)
    return !(other instanceof Failure) && other.provider === choice.provider && other.model === choice.model
  }
  const equal = [...fallbacks].filter(([name]) => same(name)).flatMap(([, others]) => others)
  return equal.map((name) => leadsTo(chain, name))
}

/** As `choiceNamed`; the settings may hold names that lead nowhere, of which `doctor` warns. */
function leadsTo(chain: RoutableChain, name: string): ModelChoice | Failure {
  try {
    return choiceNamed(chain, name)
  } catch (error) {
    if (isFailure(error)) return error
    throw error
  }
}

function modelsOfTier({ names }: Routing, tier: string): readonly string[] {
  const models = names.tiers.get(tier) ?? []
  if (models.length > 0) return models
  throw names.tiers.has(tier)
    ? unknown(`tier ${tier} names no model`, `Set ${tier} below [models] in lattice.toml.`)
    : unknown(`there is no tier ${tier}`, `Tiers: ${[...names.tiers.keys()].join(', ')}.`)
}

function mustBeAskable(chain: RoutableChain, name: string): void {
  const missing = missingOf(chain, name)
  if (missing === undefined) return
  if (chain.providers.has(name)) {
    throw unknown(`provider ${name} can't be asked: ${missing}`, `Configure ${name}, or name another provider.`)
  }
  throw unknown(missing, `Name one of ${[...chain.providers.keys(), builtIn.provider].join(', ')}.`)
}

function unknownPrefix(chain: RoutableChain, name: string, prefix: string): Failure {
  const known = [...chain.providers.keys()].join(', ')
  return unknown(
    `there is no provider ${prefix}, which ${name} names`,
    `Begin with one of ${known}; a model of local Ollama that has a slash is ${bareProvider}/${name}.`,
  )
}

function unknown(message: string, remedy: string): Failure {
  return new Failure('model.unknown', message, { remedy })
}
