import type { EventType } from './catalog.ts'
import type { EventData } from './generated.ts'

/**
 * What an event is: an envelope after CloudEvents 1.0 and data of its type.
 *
 * Promise: the envelope travels as record headers, so that order and acceptance are decided without decoding a value.
 */
export interface Envelope {
  /** UUID, made once and kept when an append is retried (R1, R6). */
  readonly id: string
  readonly type: string
  /** URI reference of the producer: `/lattice/worker/<process>`, … */
  readonly source: string
  /** What the event is about; the record's key: a run id, a document id, … */
  readonly subject: string
  /** ISO 8601, UTC, of the writer's clock: for display, never for order (R16). */
  readonly time: string
  readonly chain?: Link
  /** W3C trace context. */
  readonly traceparent?: string
  /** Id of the event that caused this one. */
  readonly causationId?: string
  readonly correlationId?: string
  /** Of a submission: carried out where it was asked (R9), so that a worker passes over it without decoding. */
  readonly interactive?: true
}

/** An event's place in its run's hash chain (R1). */
export interface Link {
  readonly run: string
  readonly seq: number
  /** Id of the event at seq - 1; '' at seq 0. A control event carries seq -1 and ''. */
  readonly prev: string
}

/** An event as its maker writes it; the journal adds id, time and source where they are not given. */
export interface NewEvent<Type extends EventType = EventType> {
  readonly type: Type
  readonly subject: string
  readonly data: EventData[Type]
  readonly id?: string
  readonly chain?: Link
  readonly traceparent?: string
  readonly causationId?: string
  readonly correlationId?: string
  readonly interactive?: true
}

/** Any event, its data known by its type. */
export type AnyNewEvent = { [Type in EventType]: NewEvent<Type> }[EventType]

export type { EventData } from './generated.ts'
