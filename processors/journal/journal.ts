import type { Clock } from '#processors/ports/clock.ts'
import { recordLimits } from '#processors/ports/event-log.ts'
import type { AppendOptions, EventLog, NewRecord } from '#processors/ports/event-log.ts'
import { Failure } from '#processors/ports/failure.ts'
import { areWithinLimits, sizeOf } from '#processors/ports/record-size.ts'
import type { Report } from '#processors/ports/report.ts'
import { catalog } from '#schemas/catalog.ts'
import type { AnyNewEvent, Envelope } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import type { Topic } from '#schemas/topics.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { toHeaders } from '#schemas/wire/headers.ts'
import { WireError } from '#schemas/wire/wire-error.ts'
import type { ClaimCheck } from './claim-check.ts'
import type { Redactor } from './redact.ts'
import { redactPieces } from './redact-pieces.ts'

/**
 * The one way onto the log: typed → redacted → claim-checked → encoded → appended.
 *
 * Promise: what `prepare` returns is what every reader will see, so state evolves from the stored form alone (R16);
 * an event's id is made once, so a prepared event may be appended again when the outcome of an append is unknown (R6).
 */
export interface Journal {
  readonly logId: string
  prepare(events: readonly AnyNewEvent[]): Promise<readonly PreparedEvent[]>
  /** Appends in order. All events are of one topic. Errors: those of `EventLog.append`. */
  append(events: readonly PreparedEvent[], options?: AppendOptions): Promise<readonly Position[]>
  /** `prepare` and `append`. */
  write(events: readonly AnyNewEvent[], options?: AppendOptions): Promise<Written>
}

export interface Written {
  readonly events: readonly PreparedEvent[]
  readonly positions: readonly Position[]
}

/** An event in the form it is stored in, and its record. */
export interface PreparedEvent {
  readonly event: AnyNewEvent & { readonly id: string }
  readonly record: NewRecord
  /** Secrets replaced in its data. */
  readonly redactions: number
}

export function openJournal(given: {
  log: EventLog
  codec: Codec
  redactor: Redactor
  claimCheck: ClaimCheck
  clock: Clock
  /** URI reference of this process: `/lattice/<role>/<process id>`. */
  source: string
  report: Report
  /** Told what was just acknowledged, before `append` resolves. */
  onAppended?: (topic: Topic, positions: readonly Position[], records: readonly NewRecord[]) => void
}): Journal {
  const { log, codec, redactor, claimCheck, clock, report } = given

  async function prepareOne(event: AnyNewEvent): Promise<PreparedEvent> {
    const { data: redacted, redactions } = redactor.redactData(withoutPieces(event))
    const counted = event.type === 'task.submitted' && redactions > 0 ? { ...redacted, redactions } : redacted
    const claimed = claimCheck.needed(event.type, counted) ? await claimCheck.claim(event.type, counted) : counted
    const stored = { ...event, data: claimed, id: event.id ?? clock.newId() } as AnyNewEvent & { id: string }
    const envelope: Envelope = {
      ...stored,
      source: given.source,
      time: new Date(clock.now()).toISOString(),
    }
    const value = encode(codec, stored)
    return { event: stored, redactions, record: { key: stored.subject, headers: toHeaders(envelope), value } }
  }

  /** What a model streamed is looked at as the texts it makes. */
  function withoutPieces({ type, data }: AnyNewEvent): AnyNewEvent['data'] {
    if (type !== 'attempt.completed' && type !== 'attempt.failed') return data
    if (typeof data.raw !== 'string') return data
    const content = 'content' in data && typeof data.content === 'string' ? data.content : ''
    const raw = redactPieces(redactor, { raw: data.raw, content })
    return raw === data.raw ? data : { ...data, raw }
  }

  async function append(events: readonly PreparedEvent[], options?: AppendOptions): Promise<readonly Position[]> {
    if (events.length === 0) return []
    const topic = catalog[events[0]!.event.type].topic
    const positions: Position[] = []
    for (const records of portions(events)) {
      const began = clock.monotonic()
      try {
        const at = await log.append(topic, records, options)
        given.onAppended?.(topic, at, records)
        positions.push(...at)
      } catch (error) {
        const code = error instanceof Failure ? error.code : 'internal'
        report({ signal: 'append.failed', topic, records: records.length, code, message: String(error) })
        throw error
      }
      report({ signal: 'append.finished', topic, records: records.length, durationMs: clock.monotonic() - began })
    }
    return positions
  }

  return {
    logId: log.id,
    prepare: (events) => Promise.all(events.map(prepareOne)),
    append,
    async write(events, options) {
      const prepared = await Promise.all(events.map(prepareOne))
      return { events: prepared, positions: await append(prepared, options) }
    },
  }
}

function encode(codec: Codec, event: AnyNewEvent): Uint8Array {
  try {
    return codec.encode(event.type, event.data)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw new Failure('request.invalid', `${event.type}: ${error.message}`, { cause: error })
  }
}

/** Portions within the log's limits for one append. */
function* portions(events: readonly PreparedEvent[]): Generator<NewRecord[]> {
  const records = events.map(({ record }) => record)
  if (areWithinLimits(records)) {
    yield records
    return
  }
  let portion: NewRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = sizeOf(record)
    if (portion.length > 0 && (portion.length >= recordLimits.records || bytes + size > recordLimits.bytes)) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(record)
    bytes += size
  }
  yield portion
}
