import type { Clock } from '#processors/ports/clock.ts'
import type { ProviderHealth } from '#processors/ports/model-provider.ts'
import { type Answering, rememberAnswering } from './answering.ts'
import type { ListedModels, Models } from './given-models.ts'
import type { GuardedProviders } from './guard-providers.ts'
import { builtIn, type ModelChoice } from './route-model.ts'
import { choiceNamed, defaultModelName, missingOf, tierPrefix } from './route-named.ts'

/**
 * What this process knows of its models: which providers are registered and how they are, and which models can be named.
 *
 * Promise: no model is loaded or paid for by asking; what does not answer in time is told as such and holds nobody up.
 * No URL has credentials in it.
 */
export interface ModelQueries {
  /** The providers of this process behind their breakers. */
  readonly guarded: GuardedProviders
  /** Provider → whether it can be asked: it has its key, or needs none. */
  registered(): Readonly<Record<string, boolean>>
  /** Asks each one now. */
  providers(): Promise<Readonly<Record<string, ProviderDetail>>>
  /** What local servers and registered providers offer, and the tiers. Lists of hosted ones are kept some minutes. */
  list(): Promise<readonly ListedModel[]>
  /** The model a name means, of those listed. */
  find(name: string): Promise<ListedModel | undefined>
}

export interface ProviderDetail {
  readonly registered: boolean
  /** What is missing, in words; '' when it is registered. */
  readonly missing: string
  readonly local: boolean
  readonly url: string
  readonly defaultModel: string
  /** Of its breaker, and for how long it is left alone, in ms. */
  readonly breaker: 'closed' | 'open' | 'trying'
  readonly restMs: number
  readonly answers: boolean
  /** Its version or number of models, or what went wrong. */
  readonly health: string
}

export interface ListedModel {
  /** The name to ask it by: `groq/openai/gpt-oss-20b`, `tier/local_fast`. */
  readonly id: string
  /** Who answers to it. */
  readonly owner: string
}

export interface ModelQueryPorts {
  readonly models: Models
  readonly guarded: GuardedProviders
  readonly clock: Clock
}

const keptMs = 5 * 60_000
/** A list that could not be had is asked for again sooner. */
const keptFailureMs = 30_000
const listMs = 1500
const healthMs = 1000

export function openModelQueries({ models, guarded, clock }: ModelQueryPorts): ModelQueries {
  const { chain, names } = models
  const answering: Answering = rememberAnswering(models.probeLocal, clock)
  const lists = new Map<string, { until: number; list: Promise<ListedModels> }>()
  const registeredNames = (): string[] =>
    [...chain.providers.keys()].filter((name) => missingOf(chain, name) === undefined)

  /** Of a hosted provider, kept. */
  function listed(name: string): Promise<ListedModels> {
    const known = lists.get(name)
    if (known !== undefined && known.until > clock.monotonic()) return known.list
    const entry = { until: clock.monotonic() + keptMs, list: models.list(name, listMs) }
    lists.set(name, entry)
    void entry.list.then(({ answers }) => {
      if (!answers) entry.until = clock.monotonic() + keptFailureMs
    })
    return entry.list
  }

  async function modelsOf(name: string, local: ReadonlyMap<string, readonly string[]>): Promise<readonly string[]> {
    const provider = chain.providers.get(name)
    if (provider === undefined) return []
    if (provider.local && provider.state === 'if-answering') return local.get(name) ?? []
    const { models: found } = await listed(name)
    return [...new Set([...found, provider.model ?? (provider.local ? [] : provider.defaultModel)].flat())]
  }

  async function list(): Promise<readonly ListedModel[]> {
    const local = await answering()
    const own = [defaultModelName, `${builtIn.provider}/${builtIn.model}`]
    const tiers = [...names.tiers].filter(([, models]) => models.length > 0).map(([name]) => tierPrefix + name)
    const perProvider = await Promise.all(
      registeredNames().map(async (name) =>
        (await modelsOf(name, local)).map((model) => ({ id: `${name}/${model}`, owner: name })),
      ),
    )
    return [...[...own, ...tiers].map((id) => ({ id, owner: builtIn.provider })), ...perProvider.flat()]
  }

  async function detail(name: string): Promise<ProviderDetail> {
    const provider = chain.providers.get(name)
    const missing = missingOf(chain, name) ?? ''
    const opened = models.providers(name)
    const breaker = guarded.breakerOf(name)
    const health = missing === '' ? await healthOf(name) : { answers: false, detail: missing }
    return {
      registered: missing === '',
      missing,
      local: provider?.local ?? false,
      url: opened?.url ?? '',
      defaultModel: provider?.model ?? provider?.defaultModel ?? '',
      breaker: breaker.is,
      restMs: breaker.is === 'closed' ? 0 : Math.max(0, Math.ceil(breaker.until - clock.monotonic())),
      answers: health.answers,
      health: health.detail,
    }
  }

  async function healthOf(name: string): Promise<ProviderHealth> {
    const opened = models.providers(name)
    const options = { signal: new AbortController().signal, timeoutMs: healthMs }
    if (opened?.health !== undefined) return opened.health(options)
    const { answers, models: found, reason } = await models.list(name, healthMs)
    return { answers, detail: answers ? `${found.length} models` : reason }
  }

  return {
    guarded,
    registered: () =>
      Object.fromEntries([...chain.providers.keys()].map((name) => [name, missingOf(chain, name) === undefined])),
    async providers() {
      const all = [...chain.providers.keys()].map(async (name) => [name, await detail(name)] as const)
      return Object.fromEntries(await Promise.all(all))
    },
    list,
    async find(name) {
      const all = await list()
      return all.find(({ id }) => id === name) ?? all.find(({ id }) => isSame(id, led(name)))
    },
  }

  /** Where a name leads; undefined where nowhere. */
  function led(name: string): ModelChoice | undefined {
    try {
      return choiceNamed(chain, name)
    } catch {
      return undefined
    }
  }
}

/** Bare names and those of a cloud are listed under their provider's; `llama3.2` means `llama3.2:latest`. */
function isSame(id: string, choice: ModelChoice | undefined): boolean {
  const name = `${choice?.provider}/${choice?.model}`
  return choice !== undefined && (id === name || id === `${name}:latest`)
}
