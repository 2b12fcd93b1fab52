import { Failure } from '#processors/ports/failure.ts'
import type { Models } from './given-models.ts'
import { builtIn, type RoutableChain } from './route-model.ts'
import { choiceNamed, missingOf, tierPrefix, weakTier } from './route-named.ts'

/**
 * What in the settings of models is most likely not meant: a local tier that leaves the machine, a hosted one that does
 * not, a weak model in a cloud or frontier tier, a name that leads to nobody or to somebody without a key.
 *
 * Promise: pure; asks nobody. A warning stops nothing.
 */
export interface ModelWarning {
  /** Which setting: `tier/local_fast`, `fallback groq/x`. */
  readonly what: string
  readonly detail: string
  readonly remedy: string
}

export function modelWarnings({ chain, names }: Pick<Models, 'chain' | 'names'>): readonly ModelWarning[] {
  const tiers = [...names.tiers].flatMap(([tier, models]) =>
    models.flatMap((model) => warningsOf(chain, { what: tierPrefix + tier, model, tier })),
  )
  const weak = weakInStrong(chain, names.tiers)
  const fallbacks = [...names.fallbacks].flatMap(([name, equals]) =>
    [name, ...equals].flatMap((model) => warningsOf(chain, { what: `fallback ${name}`, model })),
  )
  return [...tiers, ...weak, ...fallbacks]
}

/** However the two names are written. */
function weakInStrong(chain: RoutableChain, tiers: Models['names']['tiers']): readonly ModelWarning[] {
  const placeOf = (model: string): string => {
    const choice = leadsTo(chain, model)
    return choice instanceof Failure ? model : `${choice.provider}/${choice.model}`
  }
  const weak = new Set((tiers.get(weakTier) ?? []).map(placeOf))
  return [...tiers].flatMap(([tier, models]) =>
    (isStrong(tier) ? models : [])
      .filter((model) => weak.has(placeOf(model)))
      .map((model) => ({
        what: tierPrefix + tier,
        detail: `${model} counts as weak`,
        remedy: `Take it out of ${weakTier}, or name another model in ${tier}.`,
      })),
  )
}

function isStrong(tier: string): boolean {
  return /^(cloud|frontier)_/.test(tier)
}

interface Setting {
  readonly what: string
  readonly model: string
  readonly tier?: string
}

function warningsOf(chain: RoutableChain, { what, model, tier = '' }: Setting): readonly ModelWarning[] {
  const choice = leadsTo(chain, model)
  if (choice instanceof Failure)
    return [{ what, detail: choice.message, remedy: likely(chain, model) ?? choice.remedy }]
  const { provider } = choice
  const found: ModelWarning[] = []
  const missing = missingOf(chain, provider)
  const goes = `${model} goes to ${provider}`
  if (missing !== undefined) found.push({ what, detail: `${goes}: ${missing}`, remedy: `Configure ${provider}.` })
  const local = provider === builtIn.provider || chain.providers.get(provider)?.local === true
  if (tier.startsWith('local_') && !local) {
    const remedy = isOnLoopback(chain, provider)
      ? `It is asked on this machine: set local = true in [providers.${provider}].`
      : 'A local tier would stay on this machine.'
    found.push({ what, detail: `${goes}, which is hosted`, remedy })
  }
  if (isStrong(tier) && local) {
    const remedy = `A name without a prefix is local: put one before it, such as openrouter/${model}, or end it in :cloud.`
    found.push({ what, detail: `${goes}, which is local`, remedy })
  }
  return found
}

/** A built-in provider is hosted whatever its URL; one of the user's own may stand on this machine. */
function isOnLoopback(chain: RoutableChain, name: string): boolean {
  const provider = chain.providers.get(name)
  if (provider?.baseUrl === undefined || provider.keyVariable !== undefined) return false
  return /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(provider.baseUrl).hostname)
}

function leadsTo(chain: RoutableChain, name: string): ReturnType<typeof choiceNamed> | Failure {
  try {
    return choiceNamed(chain, name)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}

/** The known prefix that a misspelt one is nearest to. */
function likely(chain: RoutableChain, name: string): string | undefined {
  const prefix = name.slice(0, name.indexOf('/'))
  const near = [...chain.providers.keys()].find((known) => distance(prefix.toLowerCase(), known) <= 2)
  return near === undefined ? undefined : `Did you mean ${near}${name.slice(prefix.length)}?`
}

/** Levenshtein's: letters to add, drop or change. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1]
    for (let index = 1; index <= other.length; index++) {
      const changed = (row[index - 1] ?? 0) + (other[index - 1] === one[at] ? 0 : 1)
      next.push(Math.min((next[index - 1] ?? 0) + 1, (row[index] ?? 0) + 1, changed))
    }
    row = next
  }
  return row[other.length] ?? 0
}
