/**
 * Time, waiting and new ids: the only sources of chance and of time that processors use, so that a simulation can
 * replace all three and a schedule can be run again from its seed.
 */
export interface Clock {
  /** Wall clock, ms since 1970. For display, never for order (R16). */
  now(): number
  /** Monotonic, ms, of this process alone. For durations and deadlines. */
  monotonic(): number
  /** Resolves after `ms`, or at once when the signal aborts (without an error). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** A new UUIDv7. */
  newId(): string
}

/** Milliseconds since `began`, a monotonic time of this clock, to the microsecond: events keep no more. */
export function elapsedMs(clock: Pick<Clock, 'monotonic'>, began: number): number {
  return Math.round((clock.monotonic() - began) * 1000) / 1000
}
