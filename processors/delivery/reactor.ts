import type { Delivery } from '#processors/ports/work-share.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { Topic } from '#schemas/topics.ts'

/**
 * The vocabulary of acting: a reactor is handed records of a topic and acts on the world.
 *
 * Promise: it may see a record more than once and in any order (R10); what it writes must count once all the same, by
 * the run chain (R1) or by an id made of reactor, version and source event.
 */
export interface Reactor {
  readonly name: string
  readonly version: number
  readonly topic: Topic
  /** Types it is handed; the rest is finished without it. */
  readonly on: readonly EventType[]
  /** Which records of those types; all of them where it is not set. */
  readonly wants?: (headers: Delivery['record']['headers']) => boolean
  /** 'done': never hand it over again. 'again': let go of it unfinished, somebody will be handed it. */
  react(delivery: Delivery, signal: AbortSignal): Promise<'done' | 'again'>
}
