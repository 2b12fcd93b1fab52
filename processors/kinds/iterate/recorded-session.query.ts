import { followRun } from '#processors/runs/follow-run.query.ts'
import type { RunPlace } from '#processors/runs/follow-run.query.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import { foldSession } from './session.ts'
import type { Session } from './session.ts'

/**
 * The session of a run as far as the log has it: what a repeated request is answered from (R13).
 *
 * Promise: undefined where the run is none of kind `iterate`.
 */
export async function recordedSession(
  ports: Parameters<typeof followRun>[0],
  run: RunPlace,
): Promise<Session | undefined> {
  let session: Session | undefined
  for await (const { type, data, subject, time } of followRun(ports, run, { follow: false, signal: never })) {
    const event = { type, data, envelope: { subject, time } } as unknown as AnyStoredEvent
    session = foldSession(session, event) ?? session
  }
  return session
}

const never = new AbortController().signal
