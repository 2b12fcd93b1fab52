import type { RowSink } from '#processors/delivery/row-sink.ts'
import { foldSession, sessionTypes } from './session.ts'
import type { Session } from './session.ts'
import { ownSessionOf, sessionRow } from './session-row.ts'

/** The session log: a row `session.iterate.v1` for each iterate run, on every path; see docs/sessions.md. */
export const sessionsSink: RowSink<Session> = {
  name: 'sessions',
  types: sessionTypes,
  fold: foldSession,
  row: (session, open) => (session.end === undefined ? undefined : sessionRow({ ...session, end: session.end }, open)),
  ownRunOf: ownSessionOf,
}
