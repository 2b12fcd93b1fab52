/**
 * The breakers of a process, one a provider, around the providers themselves.
 *
 * Promise: a call passes unaltered; while a breaker is open none passes, and who asks is answered `breaker-open` at
 * once. Who plans a call asks `admit` first: what that gives passes even if the breaker opens meanwhile, so that what
 * is recorded as begun was begun. What opens and closes is told, and nobody waits for it to be written.
 */
import type { Clock } from '#processors/ports/clock.ts'
import type { ModelFailure, ModelProvider, ModelReply } from '#processors/ports/model-provider.ts'
import { afterCall, type Breaker, type BreakerSettings, closed, letThrough, restMs, type Shown } from './breaker.ts'

export interface GuardedProviders {
  readonly providers: (name: string) => ModelProvider | undefined
  /** A provider to make one call of, undefined where there is none of that name; or how long it is left alone. */
  admit(name: string): Admission
  breakerOf(name: string): Breaker
}

export type Admission =
  | { readonly is: 'admitted'; readonly provider: ModelProvider | undefined }
  | { readonly is: 'resting'; readonly restMs: number }

export interface GuardOptions {
  readonly settings: BreakerSettings
  readonly clock: Clock
  readonly opened: (name: string, breaker: Exclude<Breaker, { is: 'closed' }>) => void
  readonly closed: (name: string, openMs: number) => void
}

/** A call that was given less time than this may have been too slow for that alone. */
const tellingMs = 1000

export function guardProviders(
  providers: (name: string) => ModelProvider | undefined,
  options: GuardOptions,
): GuardedProviders {
  const { settings, clock } = options
  const breakers = new Map<string, Breaker>()
  const wrapped = new WeakMap<ModelProvider, Record<'checked' | 'admitted', ModelProvider>>()
  const breakerOf = (name: string): Breaker => breakers.get(name) ?? closed

  /** Lets one call through; else how long to wait, in ms. */
  function pass(name: string): number {
    const now = clock.monotonic()
    const rest = restMs(breakerOf(name), now)
    if (rest === 0) breakers.set(name, letThrough(breakerOf(name), now))
    return rest
  }

  function settle(name: string, call: { shown: Shown; began: number }): void {
    const before = breakerOf(name)
    const now = clock.monotonic()
    const after = afterCall(before, { ...call, now }, settings)
    breakers.set(name, after)
    if (after.is === 'open' && before.is !== 'open' && call.shown.is === 'failed') options.opened(name, after)
    if (after.is === 'closed' && before.is !== 'closed') options.closed(name, Math.round(now - before.openedAt))
  }

  async function observed(name: string, timeoutMs: number, call: () => Promise<ModelReply>): Promise<ModelReply> {
    const began = clock.monotonic()
    const reply = await call()
    settle(name, { shown: shownBy(reply, timeoutMs), began })
    return reply
  }

  function wrap(provider: ModelProvider, { checked }: { checked: boolean }): ModelProvider {
    const { name } = provider
    const embed = provider.embed?.bind(provider)
    const reread = provider.reread?.bind(provider)
    const health = provider.health?.bind(provider)
    const call = async (timeoutMs: number, work: () => Promise<ModelReply>): Promise<ModelReply> =>
      checked && pass(name) > 0 ? resting(name, breakerOf(name)) : observed(name, timeoutMs, work)
    return {
      name,
      url: provider.url,
      defaultModel: provider.defaultModel,
      complete: (request, given) => call(given.timeoutMs, () => provider.complete(request, given)),
      ...(embed === undefined ? {} : { embed: (request, given) => call(given.timeoutMs, () => embed(request, given)) }),
      ...(reread === undefined ? {} : { reread }),
      ...(health === undefined ? {} : { health }),
    }
  }

  function wrapping(name: string, as: 'checked' | 'admitted'): ModelProvider | undefined {
    const provider = providers(name)
    if (provider === undefined || settings.failures === 0) return provider
    const known = wrapped.get(provider) ?? {
      checked: wrap(provider, { checked: true }),
      admitted: wrap(provider, { checked: false }),
    }
    wrapped.set(provider, known)
    return known[as]
  }

  return {
    breakerOf,
    providers: (name) => wrapping(name, 'checked'),
    admit(name) {
      const rest = settings.failures === 0 ? 0 : pass(name)
      return rest > 0 ? { is: 'resting', restMs: rest } : { is: 'admitted', provider: wrapping(name, 'admitted') }
    },
  }
}

/** A refusal is an answer; what was ended from our side shows nothing. */
function shownBy(reply: ModelReply, timeoutMs: number): Shown {
  if (reply.ok) return { is: 'answered' }
  if (reply.code === 'cancelled' || (reply.code === 'timeout' && timeoutMs < tellingMs)) return { is: 'nothing' }
  return reply.retryable ? { is: 'failed', reason: reply.code } : { is: 'answered' }
}

function resting(name: string, breaker: Breaker): ModelFailure {
  const why =
    breaker.is === 'closed' ? '' : `: ${breaker.failures} calls in a row failed, the last by ${breaker.reason}`
  const message = `provider ${name} is left alone for a while${why}`
  return { ok: false, code: 'breaker-open', message, raw: '', retryable: false }
}
