import { decodeRecords } from '#processors/journal/read.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { Envelope } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { Codec } from '#schemas/wire/codec.ts'

/**
 * A run's accepted events, from its first on, and then live until it ends.
 *
 * Promise: in log order, each once, none that the referee has not accepted; `after` goes on behind an offset already
 * seen, and nothing is yielded where nothing is left. Without `follow` it ends with what is there now. A reader that is
 * slow costs no memory: of what it has not taken, only `keptRecords` are held, and the rest is read again.
 */
export async function* followRun(
  ports: { readonly log: EventLog; readonly codec: Codec; readonly feed: RunFeed },
  run: RunPlace,
  options: { readonly follow: boolean; readonly after?: number; readonly signal: AbortSignal },
): AsyncGenerator<RunEventView> {
  const { log, codec, feed } = ports
  const { partition, runId } = run
  const { signal } = options
  const live = watchRun(feed, runId, signal)
  // From one moment: what is judged up to here is read from the log, what comes later is seen live.
  const end = feed.next(partition)
  const ended = feed.chain(runId)?.closed === true
  let last = options.after ?? -1

  async function* decode(records: readonly StoredRecord[]): AsyncGenerator<AnyStoredEvent> {
    const accepted = (offset: number): boolean => !feed.isRejected(partition, offset)
    const wanted = { topic: 'runs.v1', partition, wants: () => true, accepted } as const
    for (const event of await decodeRecords(codec, records, wanted)) {
      if ('bad' in event || !event.accepted || event.position.offset <= last) continue
      last = event.position.offset
      yield event
    }
  }

  async function* read([first, until]: Range): AsyncGenerator<AnyStoredEvent> {
    if (first >= until) return
    for await (const batch of log.read({ topic: 'runs.v1', partition, offset: first }, { signal })) {
      yield* decode(batch.filter((record) => record.offset < until && record.key === runId))
      if ((batch.at(-1)?.offset ?? 0) >= until - 1) return
    }
  }

  async function* all(): AsyncGenerator<AnyStoredEvent> {
    for (const range of ranges(run, { after: last, end })) yield* read(range)
    if (!options.follow || ended) return
    while (!signal.aborted) {
      const { records, missed } = live.take()
      yield* decode(records)
      if (missed) yield* read([last + 1, feed.next(partition)])
      else await live.more()
    }
  }

  try {
    for await (const event of all()) {
      yield viewOf(event)
      if (event.type === 'run.completed') return
    }
  } finally {
    live.stop()
  }
}

/** Where the lookup store says a run's events are. */
export interface RunPlace {
  readonly runId: string
  readonly partition: number
  /** Ascending. */
  readonly offsets: readonly number[]
  /** `offsets` has all of the run before this one. */
  readonly foldedTo: number
}

/** An event as people read it: its envelope, type, place and data. */
export interface RunEventView extends Envelope {
  readonly type: EventType
  readonly position: Position
  readonly data: unknown
}

function viewOf({ type, data, envelope, position }: AnyStoredEvent): RunEventView {
  return { ...envelope, type, position, data }
}

const keptRecords = 16

interface WatchedRun {
  /** The records since the last call; `missed` when there were more, from then on until this call. */
  take(): { readonly records: readonly StoredRecord[]; readonly missed: boolean }
  /** Resolves once `take` has something, or at the abort. */
  more(): Promise<void>
  stop(): void
}

function watchRun(feed: RunFeed, runId: string, signal: AbortSignal): WatchedRun {
  let records: StoredRecord[] = []
  let missed = false
  let wake = (): void => {}
  const woken = (): void => wake()
  const unwatch = feed.watch(runId, ({ record, accepted }) => {
    if (!accepted) return
    if (missed || records.length >= keptRecords) missed = true
    else records.push(record)
    wake()
  })
  signal.addEventListener('abort', woken)
  return {
    take() {
      const taken = { records, missed }
      records = []
      missed = false
      return taken
    },
    async more() {
      if (records.length > 0 || missed || signal.aborted) return
      await new Promise<void>((resolve) => (wake = resolve))
    },
    stop() {
      unwatch()
      signal.removeEventListener('abort', woken)
    },
  }
}

/** First and end offset, half-open. */
type Range = readonly [first: number, until: number]

/** A gap of so many foreign records is cheaper to read over than to seek over. */
const readOver = 200

/** Ranges to read, ascending: the known places, near ones together, and what the lookup store has not folded yet. */
function* ranges(run: RunPlace, bounds: { readonly after: number; readonly end: number }): Generator<Range> {
  const wanted = run.offsets.filter((offset) => offset > bounds.after && offset < bounds.end)
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
  yield [Math.max(run.foldedTo, bounds.after + 1), bounds.end]
}
