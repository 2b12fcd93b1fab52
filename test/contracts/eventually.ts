/**
 * Waits for a condition with a deadline: what tests use instead of sleeping.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export async function eventually<T>(
  /** What is waited for, or what is known of it at the deadline. */
  what: string | (() => string),
  look: () => T | Promise<T>,
  options: { readonly deadlineMs?: number; readonly everyMs?: number } = {},
): Promise<NonNullable<T>> {
  const { deadlineMs = 20_000, everyMs = 10 } = options
  const until = performance.now() + deadlineMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== null && seen !== false) return seen
    if (performance.now() > until)
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`)
    await sleep(everyMs)
  }
}
