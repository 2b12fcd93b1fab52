import { decodeRecords } from '#processors/journal/read.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { RunFeed } from '#processors/journal/run-feed.ts'
import type { StoredRecord } from '#processors/ports/event-log.ts'
import type { Codec } from '#schemas/wire/codec.ts'
import { foldSession, sessionTypes } from './session.ts'
import type { Session } from './session.ts'

/**
 * A run's session while the run is carried out here.
 *
 * Promise: accepted events alone, in log order, each folded and seen once. After the run's last event is judged, `settled`
 * has all of it.
 */
export interface WatchedSession {
  settled(): Promise<Session>
  stop(): void
}

export function watchSession(
  { feed, codec }: { readonly feed: RunFeed; readonly codec: Codec },
  begun: Session,
  see: (session: Session, event: AnyStoredEvent) => Promise<void>,
): WatchedSession {
  let session = begun
  let turn: Promise<void> = Promise.resolve()

  async function take(partition: number, record: StoredRecord): Promise<void> {
    const options = { topic: 'runs.v1', partition, wants: (type: string) => sessionTypes.has(type) } as const
    for (const event of await decodeRecords(codec, [record], options)) {
      if ('bad' in event) continue
      session = foldSession(session, event) ?? session
      await see(session, event)
    }
  }

  const stop = feed.watch(begun.runId, ({ position, record, accepted }) => {
    if (accepted) turn = turn.then(() => take(position.partition, record))
    turn.catch(() => {})
  })
  return {
    async settled() {
      await turn
      return session
    },
    stop,
  }
}
