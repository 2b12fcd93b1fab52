import { type BadRecord, decodeRecords } from '#processors/journal/read.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { type EventType, isEventType } from '#schemas/catalog.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import type { KnownRun } from './known-run.ts'
import { evolve } from './evolve.ts'
import type { RunState } from './run.ts'

/**
 * A run as the log tells it up to now, for an owner that takes it over.
 *
 * Promise: only accepted events count, and nothing beyond what the referee has judged is looked at. Undefined where
 * the record at `submitted` is not a run's accepted first event. Errors: `event.undecodable` when an event of the run
 * can't be read, `event.unknown` when a newer version wrote it, since a run must not go on without it; those of
 * `EventLog.read` and `RunFeed.reached`.
 */
export async function loadRun(
  runId: string,
  submitted: Position,
  ports: { log: EventLog; codec: Codec; feed: RunFeed },
): Promise<KnownRun | undefined> {
  const { topic, partition } = { topic: 'runs.v1', partition: submitted.partition } as const
  await ports.feed.catchUp()
  await ports.feed.reached(submitted)
  const end = ports.feed.next(partition)
  let state: RunState | undefined
  let head = { seq: -1, id: '' }
  for await (const batch of ports.log.read({ topic, partition, offset: submitted.offset })) {
    const own = batch.filter((record) => record.key === runId && record.offset < end)
    const accepted = own.filter((record) => !ports.feed.isRejected(partition, record.offset))
    const options = { topic, partition, wants: () => true, strangers: true }
    for (const event of await decodeRecords(ports.codec, accepted, options)) {
      if ('bad' in event) throw unreadable(event)
      state = evolve(state, asEvent(event))
      const link = event.envelope.chain
      if (link !== undefined && link.seq >= 0) head = { seq: link.seq, id: event.envelope.id }
    }
    if ((batch.at(-1)?.offset ?? 0) >= end - 1) break
  }
  return state === undefined ? undefined : { state, head }
}

function unreadable({ bad, type, position }: BadRecord): Failure {
  const code = type !== undefined && isEventType(type) ? 'event.undecodable' : 'event.unknown'
  return new Failure(code, `${position.topic}:${position.partition}:${position.offset}: ${bad}`)
}

function asEvent(event: { type: EventType; data: unknown; envelope: { subject: string } }): AnyNewEvent {
  return { type: event.type, subject: event.envelope.subject, data: event.data } as AnyNewEvent
}
