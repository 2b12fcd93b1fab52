/**
 * Which provider and model a task asks, first to last: the choices of a ladder's tier.
 *
 * Promise: pure. The same settings, answering servers and wishes give the same list. The built-in extractive model is
 * chosen only when it is named, or when nothing at all is configured and no local server answers; never because a
 * configured provider fails.
 */
import { Failure } from '#processors/ports/failure.ts'

/** The providers of a process, as `infra` resolved them from the settings. */
export interface RoutableChain {
  readonly order: readonly string[]
  /** The one provider the user named, where one was. */
  readonly forced: string | undefined
  /** Model of whichever provider comes first. */
  readonly firstModel: string | undefined
  readonly providers: ReadonlyMap<string, RoutableProvider>
}

export interface RoutableProvider {
  readonly local: boolean
  /** Where it is asked; may hold credentials. */
  readonly baseUrl?: string
  /** The variable with its key, where it may have one. */
  readonly keyVariable?: string | undefined
  /** Set for this provider. */
  readonly model: string | undefined
  readonly defaultModel: string
  /** `if-answering`: a local server nobody configured. */
  readonly state: 'ready' | 'if-answering' | 'unconfigured'
  /** What is missing, in words. */
  readonly missing: string
}

/** What one task asks for; it goes before the settings. */
export interface Wanted {
  readonly provider?: string
  readonly model?: string
}

export interface ModelChoice {
  readonly provider: string
  readonly model: string
}

export interface ModelRoute {
  readonly choices: readonly ModelChoice[]
  /** Whether the extractive model stands in because nothing is configured; the user is told so. */
  readonly standsIn: boolean
}

export const builtIn: ModelChoice = { provider: 'lattice', model: 'extract' }

/**
 * `answering` holds the local servers that answer now, with their models. Errors: `provider.unconfigured`, for one that
 * was named and lacks a key; `request.invalid`, for a name nobody knows.
 */
export function routeModel(
  chain: RoutableChain,
  answering: ReadonlyMap<string, readonly string[]>,
  wanted: Wanted = {},
): ModelRoute {
  const named = wanted.model === 'lattice/extract' ? builtIn.provider : (wanted.provider ?? chain.forced)
  const names = named === undefined ? chain.order : [named]
  const usable = names.filter((name) => isUsable(name, chain, answering, named))
  if (usable.length === 0) return { choices: [builtIn], standsIn: true }

  const firstModel = wanted.model ?? (wanted.provider === undefined ? chain.firstModel : undefined)
  const choices = usable.map((name, index) => choiceOf(name, chain, answering, index === 0 ? firstModel : undefined))
  return { choices, standsIn: false }
}

function isUsable(
  name: string,
  chain: RoutableChain,
  answering: ReadonlyMap<string, readonly string[]>,
  named: string | undefined,
): boolean {
  if (name === builtIn.provider) return true
  const provider = chain.providers.get(name)
  if (provider === undefined) {
    throw new Failure('request.invalid', `there is no provider ${name}`, {
      remedy: `Name one of ${[...chain.providers.keys(), builtIn.provider].join(', ')}.`,
    })
  }
  if (provider.state === 'ready') return true
  if (provider.state === 'if-answering') return named === name || answering.has(name)
  if (named !== name) return false
  throw new Failure('provider.unconfigured', `provider ${name} can't be asked: ${provider.missing}`, {
    remedy: `Configure ${name}, or name another provider.`,
  })
}

function choiceOf(
  name: string,
  chain: RoutableChain,
  answering: ReadonlyMap<string, readonly string[]>,
  firstModel: string | undefined,
): ModelChoice {
  if (name === builtIn.provider) return builtIn
  const provider = chain.providers.get(name)
  const model = firstModel ?? provider?.model
  return { provider: name, model: model ?? availableModel(provider?.defaultModel ?? '', answering.get(name) ?? []) }
}

/** The default model, or where a local server lacks it, the first it has that can chat. */
function availableModel(defaultModel: string, models: readonly string[]): string {
  const untagged = (model: string): string => model.replace(/:latest$/, '')
  if (models.some((model) => untagged(model) === untagged(defaultModel))) return defaultModel
  return models.find((model) => !/embed|rerank|whisper|bge-|minilm/i.test(model)) ?? defaultModel
}
