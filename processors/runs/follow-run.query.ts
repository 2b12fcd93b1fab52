import { decodeRecords } from '#processors/journal/read.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { Judged, RunFeed } from '#processors/journal/run-feed.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import type { Codec } from '#schemas/wire/codec.ts'

/**
 * A run's accepted events, from its first on, and then live until it ends.
 *
 * Promise: in log order, each once, none that the referee has not accepted; `after` goes on behind an offset already
 * seen. Without `follow` it ends with what is there now.
 */
export async function* followRun(
  ports: { log: EventLog; codec: Codec; feed: RunFeed },
  run: { readonly runId: string; readonly partition: number; readonly offsets: readonly number[] },
  options: { readonly follow: boolean; readonly after?: number; readonly signal: AbortSignal },
): AsyncGenerator<AnyStoredEvent> {
  const { partition, runId } = run
  const live: Judged[] = []
  let wake = (): void => {}
  const unwatch = ports.feed.watch(runId, (judged) => {
    live.push(judged)
    wake()
  })
  options.signal.addEventListener('abort', () => wake(), { once: true })
  let last = options.after ?? -1
  const end = ports.feed.next(partition)

  const decode = async function* (records: readonly StoredRecord[]): AsyncGenerator<AnyStoredEvent> {
    const accepted = (offset: number): boolean => !ports.feed.isRejected(partition, offset)
    const events = await decodeRecords(ports.codec, records, { topic: 'runs.v1', partition, wants: () => true, accepted })
    for (const event of events) {
      if ('bad' in event || !event.accepted || event.position.offset <= last) continue
      last = event.position.offset
      yield event
    }
  }

  try {
    for (const [first, until] of ranges(run.offsets, { after: last, end })) {
      for await (const batch of ports.log.read({ topic: 'runs.v1', partition, offset: first }, { signal: options.signal })) {
        const own = batch.filter((record) => record.offset < until && record.key === runId)
        for await (const event of decode(own)) {
          yield event
          if (event.type === 'run.completed') return
        }
        if ((batch.at(-1)?.offset ?? 0) >= until - 1) break
      }
    }
    while (options.follow && !options.signal.aborted) {
      const judged = live.splice(0).filter((one) => one.accepted)
      for await (const event of decode(judged.map((one) => one.record))) {
        yield event
        if (event.type === 'run.completed') return
      }
      if (live.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    unwatch()
  }
}

/** A gap of so many foreign records is cheaper to read over than to seek over. */
const readOver = 200

/**
 * Ranges to read: the known places, near ones together, and the tail that the lookup store has not folded yet.
 * Half-open, ascending.
 */
function* ranges(offsets: readonly number[], bounds: { after: number; end: number }): Generator<[number, number]> {
  const wanted = offsets.filter((offset) => offset > bounds.after)
  let first = wanted[0]
  let last = first
  if (first !== undefined && last !== undefined) {
    for (const offset of wanted.slice(1)) {
      if (offset - last > readOver) {
        yield [first, last + 1]
        first = offset
      }
      last = offset
    }
    yield [first, last + 1]
  }
  const seen = Math.max(bounds.after, offsets.at(-1) ?? -1)
  if (offsets.length > 0 && seen + 1 < bounds.end) yield [seen + 1, bounds.end]
}
