/**
 * Which providers can be asked, with which URL, key and model: the settings, resolved.
 *
 * Promise: pure. `LATTICE_BASE_URL` and `LATTICE_MODEL` reach the chosen provider alone: the forced one, else the first
 * that is configured; every other provider keeps its own. A key goes only to the URL it was set for.
 */
import { builtInProvider, customProvider, type ProviderDefinition, type ProviderName, providers } from './providers.ts'

/** The part of `Config` this reads. */
export interface ProviderChoices {
  readonly providerOrder: readonly string[]
  readonly provider: string | undefined
  readonly model: string | undefined
  readonly baseUrl: string | undefined
  readonly providers: Readonly<Record<ProviderName, OwnSettings>>
  readonly addedProviders: Readonly<Record<string, AddedSettings>>
  /** Where key files may be. */
  readonly keysDir: string | undefined
}

interface OwnSettings {
  readonly apiKey: string | undefined
  readonly baseUrl: string | undefined
  readonly model: string | undefined
}

interface AddedSettings extends OwnSettings {
  readonly baseUrl: string
  /** Undefined where none is needed. */
  readonly keyVariable: string | undefined
  readonly local: boolean
}

export interface ProviderChain {
  /** Providers tried for a task, in order. The built-in one is in it only where the user named it. */
  readonly order: readonly string[]
  /** The one provider the user named, where one was. */
  readonly forced: string | undefined
  /** Model of whichever provider comes first. */
  readonly firstModel: string | undefined
  /** Every provider that is known, also those outside the order. */
  readonly providers: ReadonlyMap<string, ConfiguredProvider>
}

export interface ConfiguredProvider {
  readonly name: string
  /** May hold credentials; `openai-model-provider.ts` shows it without. */
  readonly baseUrl: string
  readonly apiKey: string | undefined
  readonly keyVariable: string | undefined
  readonly local: boolean
  /** Set by the user for this provider. */
  readonly model: string | undefined
  /** What it is asked for otherwise. */
  readonly defaultModel: string
  /** `if-answering`: a local server nobody configured, used when it happens to run. */
  readonly state: 'ready' | 'if-answering' | 'unconfigured'
  /** What is missing, in words; '' unless unconfigured. */
  readonly missing: string
}

export function configuredProviders(choices: ProviderChoices): ProviderChain {
  const forced = choices.model === 'lattice/extract' ? builtInProvider : choices.provider
  const names = Object.keys(providers) as ProviderName[]
  const own = names.map((name) =>
    configured(name, choices.providers[name], { forced: forced === name, keysDir: choices.keysDir }),
  )
  const added = Object.entries(choices.addedProviders).map(([name, one]) => ofUser(name, one, choices.keysDir))
  const known = new Map([...own, ...added].map((one) => [one.name, one]))
  const order = forced === undefined ? choices.providerOrder : [forced]
  const base = { forced, firstModel: choices.model, providers: known }
  if (choices.baseUrl === undefined || forced === builtInProvider) return { ...base, order }

  const chosen = forced ?? order.find((name) => known.get(name)?.state === 'ready') ?? customProvider
  known.set(chosen, atGivenUrl(choices.baseUrl, known.get(chosen)))
  return { ...base, order: [chosen, ...order.filter((name) => name !== chosen)] }
}

function configured(
  name: ProviderName,
  own: OwnSettings,
  given: { forced: boolean; keysDir: string | undefined },
): ConfiguredProvider {
  const definition: ProviderDefinition = providers[name]
  const ready = own.apiKey !== undefined || needsNoKey(definition, own, given.forced)
  return {
    name,
    baseUrl: own.baseUrl ?? definition.baseUrl,
    apiKey: own.apiKey,
    keyVariable: definition.keyVariable,
    local: definition.local,
    model: own.model,
    defaultModel: definition.defaultModel,
    state: ready ? 'ready' : definition.local ? 'if-answering' : 'unconfigured',
    missing: ready || definition.local ? '' : withoutKey(name, definition.keyVariable, given.keysDir),
  }
}

/** One of `[providers.<name>]`: it needs a key where somebody speaks of one. */
function ofUser(name: string, own: AddedSettings, keysDir: string | undefined): ConfiguredProvider {
  const ready = own.keyVariable === undefined || own.apiKey !== undefined
  return {
    name,
    baseUrl: own.baseUrl,
    apiKey: own.apiKey,
    keyVariable: own.keyVariable,
    local: own.local,
    model: own.model,
    defaultModel: own.model ?? 'default',
    state: ready ? 'ready' : 'unconfigured',
    missing: ready ? '' : withoutKey(name, own.keyVariable, keysDir),
  }
}

/** Reaches clients, so no path is in it. */
function withoutKey(name: string, variable: string | undefined, keysDir: string | undefined): string {
  return `${variable} is not set${keysDir === undefined ? '' : `, also not by ${name}.env in LATTICE_KEYS_DIR`}`
}

/** A local server, or a hosted provider's protocol on a host of the user's own, as behind `OPENAI_BASE_URL`. */
function needsNoKey(definition: ProviderDefinition, own: OwnSettings, forced: boolean): boolean {
  if (own.baseUrl === undefined) return definition.local && forced
  return definition.local || new URL(own.baseUrl).host !== new URL(definition.baseUrl).host
}

function atGivenUrl(baseUrl: string, chosen: ConfiguredProvider | undefined): ConfiguredProvider {
  return {
    name: chosen?.name ?? customProvider,
    baseUrl,
    apiKey: chosen?.apiKey,
    keyVariable: chosen?.keyVariable,
    local: chosen?.local ?? true,
    model: chosen?.model,
    defaultModel: chosen?.defaultModel ?? 'default',
    state: 'ready',
    missing: '',
  }
}
