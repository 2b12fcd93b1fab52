import type { Position } from '#schemas/position.ts'

/**
 * What is worth knowing but is no event: a closed union of signals. Logs and metrics listen; processors import no logger.
 *
 * Promise: a signal carries no prompt, answer, key or header value.
 */
export type Signal =
  | { signal: 'log.opened'; backend: string; logId: string; durability: string }
  | { signal: 'log.warning'; message: string }
  /** How the log's server is set may lose what it acknowledged. */
  | { signal: 'log.risk'; message: string }
  | { signal: 'append.finished'; topic: string; records: number; durationMs: number }
  | { signal: 'append.failed'; topic: string; records: number; code: string; message: string }
  | { signal: 'store.opened'; store: string; version: number; build: string }
  | { signal: 'store.caught-up'; store: string; records: number; durationMs: number }
  | {
      signal: 'store.folded'
      store: string
      topic: string
      partition: number
      next: number
      end: number
      records: number
    }
  | { signal: 'store.stalled'; store: string; code: string; message: string }
  | { signal: 'store.resumed'; store: string }
  | { signal: 'store.stopped'; store: string; code: string; message: string }
  | { signal: 'record.parked'; by: string; at: Position; code: string; message: string }
  | { signal: 'reactor.failed'; reactor: string; code: string; message: string }
  | { signal: 'run.started'; runId: string; kind: string }
  | { signal: 'run.completed'; runId: string; kind: string; outcome: string; attempts: number; durationMs: number }
  | { signal: 'run.lost'; runId: string; reason: string }
  | {
      signal: 'attempt.finished'
      provider: string
      model: string
      outcome: 'completed' | 'failed'
      code?: string
      durationMs: number
    }
  /** An answer 500: a fault of the program. `where` is the code's place; the error's own words are left out where they may quote. */
  | { signal: 'request.failed'; method: string; route: string; message: string; where: string }
  | { signal: 'progress'; of: string; done: number; total: number; unit: string }
  | { signal: 'notice'; message: string }

export type Report = (signal: Signal) => void
