import type { EventLog } from '#processors/ports/event-log.ts'
import { isEventType } from '#schemas/catalog.ts'
import type { Envelope } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { fromHeaders } from '#schemas/wire/headers.ts'
import { decodeRecords } from './read.ts'

/**
 * A topic's records for people, partition after partition, decoded where they can be and named where they can't.
 *
 * Promise: each record once, in order of its partition; nothing is hidden, rejected events neither.
 */
export interface EventView {
  readonly position: Position
  readonly key: string
  readonly type: string | undefined
  readonly envelope: Envelope | undefined
  readonly data: unknown
  /** Why `data` is missing. */
  readonly bad?: string
}

export async function* readEvents(
  ports: { log: EventLog; codec: Codec },
  options: { topic: Topic; from?: number; follow: boolean; signal: AbortSignal },
): AsyncGenerator<EventView> {
  const { topic, signal } = options
  const bounds = await ports.log.bounds(topic)
  const sources = bounds.map(({ partition, first }) => {
    const offset = Math.max(first, options.from ?? first)
    return readPartition(ports, { topic, partition, offset }, { follow: options.follow, signal })
  })
  if (options.follow) yield* merged(sources)
  else for (const source of sources) yield* source
}

async function* readPartition(
  ports: { log: EventLog; codec: Codec },
  from: Position & { topic: Topic },
  options: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<EventView> {
  const { topic, partition } = from
  for await (const batch of ports.log.read(from, options)) {
    for (const record of batch) {
      const [event] = await decodeRecords(ports.codec, [record], {
        topic,
        partition,
        wants: () => true,
        strangers: true,
      })
      const type = record.headers['ce_type']
      const common = { position: { topic, partition, offset: record.offset }, key: record.key, type }
      if (event === undefined || 'bad' in event) {
        const bad = event === undefined ? 'not an event' : event.bad
        yield { ...common, envelope: fromHeaders(record.headers), data: undefined, bad }
      } else yield { ...common, envelope: event.envelope, data: isEventType(event.type) ? event.data : undefined }
    }
  }
}

/** What comes first goes first. */
async function* merged<Item>(sources: readonly AsyncGenerator<Item>[]): AsyncGenerator<Item> {
  const next = (
    source: AsyncGenerator<Item>,
  ): Promise<{ source: AsyncGenerator<Item>; result: IteratorResult<Item> }> =>
    source.next().then((result) => ({ source, result }))
  const waiting = new Map(sources.map((source) => [source, next(source)]))
  while (waiting.size > 0) {
    const { source, result } = await Promise.race(waiting.values())
    if (result.done === true) waiting.delete(source)
    else {
      waiting.set(source, next(source))
      yield result.value
    }
  }
}
