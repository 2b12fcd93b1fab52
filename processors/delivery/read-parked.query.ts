import { decodeRecords } from '#processors/journal/read.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Codec } from '#schemas/wire/codec.ts'

/**
 * Places a version of a store has parked, as the log tells it: what its rebuild skips (R4).
 *
 * Promise: needs no store, so any of them can be rebuilt, also the one that keeps the dead letters.
 */
export async function readParked(
  ports: { readonly log: EventLog; readonly codec: Codec },
  by: { readonly name: string; readonly version: number },
): Promise<Set<string>> {
  const { topic, partition } = { topic: 'dead-letters.v1', partition: 0 } as const
  const places = new Set<string>()
  const first = (await ports.log.bounds(topic))[0]?.first ?? 0
  for await (const batch of ports.log.read({ topic, partition, offset: first })) {
    const events = await decodeRecords(ports.codec, batch, {
      topic,
      partition,
      wants: (type) => type === 'record.parked',
    })
    for (const event of events) {
      if ('bad' in event || event.type !== 'record.parked') continue
      const { data } = event
      if (data.by === by.name && data.version === by.version)
        places.add(`${data.topic}:${data.partition}:${data.offset}`)
    }
  }
  return places
}
