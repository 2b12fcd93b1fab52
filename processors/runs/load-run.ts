import { type AnyStoredEvent, type BadRecord, decodeRecords } from '#processors/journal/read.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { EventLog } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { isEventType } from '#schemas/catalog.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { chainOf } from '#schemas/wire/headers.ts'
import type { KnownRun } from './known-run.ts'
import { evolve } from './evolve.ts'
import type { RunState } from './run.ts'

/**
 * A run as the log tells it up to now, for an owner that takes it over.
 *
 * Promise: only accepted events count, and nothing beyond what the referee has judged is looked at. Undefined where
 * the record at `submitted` is not a run's accepted first event. Errors: `UnreadableRun`, since a run must not go on
 * without one of its events; those of `EventLog.read` and `RunFeed.reached`.
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
  let unreadable: BadRecord | undefined
  let attempts = 0
  for await (const batch of ports.log.read({ topic, partition, offset: submitted.offset })) {
    const own = batch.filter((record) => record.key === runId && record.offset < end)
    const accepted = own.filter((record) => !ports.feed.isRejected(partition, record.offset))
    const options = { topic, partition, wants: () => true, strangers: true }
    for (const event of await decodeRecords(ports.codec, accepted, options)) {
      const { ce_type: type } = event.record.headers
      if (type === 'attempt.started') attempts += 1
      if ('bad' in event) unreadable ??= event
      if ('bad' in event || unreadable !== undefined) continue
      state = evolve(state, asEvent(event))
      const link = event.envelope.chain
      if (link !== undefined && link.seq >= 0) head = { seq: link.seq, id: event.envelope.id }
    }
    if ((batch.at(-1)?.offset ?? 0) >= end - 1) break
  }
  if (unreadable !== undefined) throw new UnreadableRun(unreadable, attempts)
  return state === undefined ? undefined : { state, head }
}

/**
 * An event of a run that can't be read: `event.unknown` when a newer version wrote it, by its type or by its schema,
 * which that version will read; `event.undecodable` when nobody will.
 */
export class UnreadableRun extends Failure {
  readonly record: BadRecord
  /** Calls the run began, as far as it was read. */
  readonly attempts: number

  constructor(record: BadRecord, attempts: number) {
    const { bad, position } = record
    super(codeOf(record), `${position.topic}:${position.partition}:${position.offset}: ${bad}`, {
      remedy: 'Run a version of Lattice that knows the event.',
    })
    this.record = record
    this.attempts = attempts
  }
}

/** The first event is the submitter's own, who may have written anything; what extends the chain is an owner's. */
function codeOf({ type, record, unknownSchema }: BadRecord): 'event.undecodable' | 'event.unknown' {
  if (type === undefined) return 'event.undecodable'
  const isOwners = (chainOf(record.headers)?.seq ?? 0) > 0
  return !isEventType(type) || (unknownSchema === true && isOwners) ? 'event.unknown' : 'event.undecodable'
}

/** A stored event as its maker wrote it. */
export function asEvent({
  type,
  data,
  envelope: { subject, traceparent },
}: Pick<AnyStoredEvent, 'type' | 'data' | 'envelope'>): AnyNewEvent {
  return { type, subject, data, ...(traceparent === undefined ? {} : { traceparent }) } as AnyNewEvent
}
