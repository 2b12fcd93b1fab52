import { Failure } from '#processors/ports/failure.ts'
import type { Signal } from '#processors/ports/report.ts'

/** What is told of a reactor that failed: by its code, where it has one. */
export function reactorFailed(reactor: string, error: unknown): Signal {
  const code = error instanceof Failure ? error.code : 'internal'
  return { signal: 'reactor.failed', reactor, code, message: error instanceof Error ? error.message : String(error) }
}
