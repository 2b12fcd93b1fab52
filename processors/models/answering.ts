import type { Clock } from '#processors/ports/clock.ts'

/** The local servers that answer, with their models. Asked again after a while, so one just started is found. */
export type Answering = () => Promise<ReadonlyMap<string, readonly string[]>>

const freshMs = 10_000

export function rememberAnswering(probe: Answering, clock: Clock): Answering {
  let probed: { at: number; answering: ReturnType<Answering> } | undefined
  return () => {
    const now = clock.monotonic()
    if (probed === undefined || now - probed.at > freshMs) probed = { at: now, answering: probe() }
    return probed.answering
  }
}
