/**
 * What a backend brings so that the suite of event logs can be run against it.
 */
import type { EventLog } from '#processors/ports/event-log.ts'
import type { Topic } from '#schemas/topics.ts'
import type { CuttingProxy } from '#test/contracts/cutting-proxy.ts'
import type { Opener } from '#test/contracts/opener.ts'

/** Optional parts that a backend can't do are left out; their tests are then skipped. */
export interface EventLogHarness<Space> {
  /** Room for one log, fresh and empty, unlike all others. Called once a test. */
  prepare(): Promise<Space>
  /** Opens the log of that space, creating it the first time; several may be open at once. Closed by the suite. */
  open(space: Space): Promise<EventLog>
  /** How another process opens the same. */
  opener(space: Space): Opener
  /** Frees what `prepare` took. The logs are closed by then. */
  clear(space: Space): Promise<void>
  /** Drops the records before this offset, as an operator would. */
  trim?(space: Space, topic: Topic, partition: number, before: number): Promise<void>
  /** All history of the space is gone and an empty one stands at the same address. The suite has closed its logs. */
  recreate?(space: Space): Promise<void>
  /** The server behind the log: ended as by `kill -9`, then started again on its data. */
  readonly server?: { kill(space: Space): Promise<void>; start(space: Space): Promise<void> }
  /** The same log opened through a proxy that can lose replies. The suite closes the log, then the proxy. */
  openThroughProxy?(space: Space): Promise<{ log: EventLog; proxy: CuttingProxy }>
  /** Multiplies deadlines; 1 by default. */
  readonly slowness?: number
}
