import { createHash } from 'node:crypto'

/**
 * How often and how long: the bounds a run keeps where its specification leaves them open, and the growing wait
 * between two calls of the same provider.
 */
export const bounds = {
  /** Calls of one provider in a row that end in a retryable failure, before the next provider. */
  triesOfChoice: 3,
  /** Failing verdicts on one tier before the next tier, where there is one; fewer where answers are limited. */
  verdictsOfTier: 2,
  /** Takeovers without a completed step, before the run is closed as poison (R8). */
  resumesWithoutStep: 3,
  /** Time a validator has, also after the run's deadline: an answer that was paid for gets its verdict. */
  verdictMs: 10_000,
  firstWaitMs: 500,
  longestWaitMs: 20_000,
} as const

/**
 * Wait before try `tries + 1`: what the provider asked for, or exponential growth with jitter of ± 50 %.
 *
 * The jitter is a hash of run and attempt, not chance, so that a resumed run decides the same.
 */
export function backoffMs(given: { runId: string; attempt: number; tries: number; retryAfterMs?: number }): number {
  const spread = createHash('sha256').update(`${given.runId}:${given.attempt}`).digest().readUInt16BE(0) / 0xffff
  if (given.retryAfterMs !== undefined)
    return Math.round(given.retryAfterMs + spread * Math.min(250, given.retryAfterMs))
  const grown = Math.min(bounds.firstWaitMs * 2 ** (given.tries - 1), bounds.longestWaitMs)
  return Math.round(grown * (0.5 + spread))
}
