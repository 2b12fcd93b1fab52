import type { ServerSentEvent } from './event-stream.ts'

/**
 * Events of something under way, for a stream that may begin later or read slower.
 *
 * Promise: each once, in order; what comes before the stream begins is kept. `begun` resolves at the first event.
 */
export interface EventQueue {
  readonly begun: Promise<void>
  push(event: string, data: unknown): void
  /** Ends once `over` has settled and all before it is taken; what `over` rejects with is thrown. */
  until(over: Promise<unknown>): AsyncGenerator<ServerSentEvent>
}

export function openEventQueue(): EventQueue {
  const events: ServerSentEvent[] = []
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  let next = 0
  let wake = (): void => {}
  return {
    begun,
    push(event, data) {
      events.push({ id: String(next++), event, data })
      begin()
      wake()
    },
    async *until(over) {
      let ended = false
      const end = (): void => {
        ended = true
        wake()
      }
      over.then(end, end)
      for (;;) {
        const event = events.shift()
        if (event !== undefined) yield event
        else if (ended) break
        else await new Promise<void>((resolve) => (wake = resolve))
      }
      await over
    },
  }
}
