/**
 * Whether a provider that failed again and again is asked: closed, open for a cool-down, then one call that tries it.
 *
 * Promise: pure; times are of one monotonic clock, in ms. Only failures that may pass count, and only in a row: an
 * answer of any kind, a refusal too, shows that somebody is there. A call that began before the breaker opened or let
 * one through says nothing of now.
 */
export type Breaker =
  | { readonly is: 'closed'; readonly failures: number }
  | {
      /** `trying`: one call is let through, and not yet back. */
      readonly is: 'open' | 'trying'
      readonly failures: number
      readonly reason: string
      readonly coolDownMs: number
      /** Since when it is not asked; since when it is in this state; when a call may try it (again). */
      readonly openedAt: number
      readonly since: number
      readonly until: number
    }

export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly failures: number
  readonly coolDownMs: number
  readonly longestCoolDownMs: number
}

/** What a call showed. `nothing`: it was ended from our side. */
export type Shown = { readonly is: 'answered' | 'nothing' } | { readonly is: 'failed'; readonly reason: string }

export const usualBreaker: BreakerSettings = { failures: 5, coolDownMs: 30_000, longestCoolDownMs: 300_000 }

export const closed: Breaker = { is: 'closed', failures: 0 }

/** How long it is not to be asked; 0 when it may be now. */
export function restMs(breaker: Breaker, now: number): number {
  return breaker.is === 'closed' ? 0 : Math.max(0, breaker.until - now)
}

/** A call is let through at `now`, where it may be. One that never comes back holds the next for a cool-down only. */
export function letThrough(breaker: Breaker, now: number): Breaker {
  if (breaker.is === 'closed') return breaker
  return { ...breaker, is: 'trying', since: now, until: now + breaker.coolDownMs }
}

/** After a call that began at `began` and ended at `now`. */
export function afterCall(
  breaker: Breaker,
  call: { shown: Shown; began: number; now: number },
  settings: BreakerSettings,
): Breaker {
  const { shown, began, now } = call
  if (shown.is === 'answered') return closed
  const reason = shown.is === 'failed' ? shown.reason : ''
  if (breaker.is === 'closed') {
    if (shown.is === 'nothing') return breaker
    const failures = breaker.failures + 1
    if (failures < settings.failures) return { is: 'closed', failures }
    const { coolDownMs } = settings
    const opened = { failures, coolDownMs, openedAt: now, since: now, until: now + coolDownMs }
    return { is: 'open', reason, ...opened }
  }
  if (breaker.is === 'open' || began < breaker.since) return breaker
  if (shown.is === 'nothing') return { ...breaker, is: 'open', since: now, until: now }
  const coolDownMs = Math.min(breaker.coolDownMs * 2, settings.longestCoolDownMs)
  const again = { coolDownMs, failures: breaker.failures + 1, since: now, until: now + coolDownMs }
  return { ...breaker, is: 'open', reason, ...again }
}
