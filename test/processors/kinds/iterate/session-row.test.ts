/** The rows of the session log, byte for byte: golden files, one an end a run can have. */
import { expect, test } from 'vitest'
import { foldSession } from '#processors/kinds/iterate/session.ts'
import type { Session } from '#processors/kinds/iterate/session.ts'
import { ownSessionOf, sessionRow } from '#processors/kinds/iterate/session-row.ts'
import { storedEvent } from '#test/processors/given-events.ts'
import { happened } from '#test/processors/runs/run-script.ts'
import { sessions } from './iterate-script.ts'

const open = (text: unknown): Promise<string> => Promise.resolve(text as string)

async function rowOf(events: (typeof sessions)[string]): Promise<string> {
  let session: Session | undefined
  for (const [offset, event] of events.entries())
    session = foldSession(session, storedEvent(event, { offset, accepted: true }))
  if (session?.end === undefined) throw new Error('it has not ended')
  return `${JSON.stringify(await sessionRow({ ...session, end: session.end }, open))}\n`
}

test.for(Object.keys(sessions))('%s', async (name) => {
  const row = await rowOf(sessions[name]!)
  await expect(row).toMatchFileSnapshot(`golden/${name}.jsonl`)
  expect(ownSessionOf(row)).toBe('run-1')
})

test('an event seen twice changes nothing, and a run of another kind is no session', () => {
  const events = sessions['max-iterations']!.map((event, offset) => storedEvent(event, { offset, accepted: true }))
  const once = events.reduce<Session | undefined>(foldSession, undefined)
  expect(events.flatMap((event) => [event, event]).reduce<Session | undefined>(foldSession, undefined)).toEqual(once)
  expect(foldSession(undefined, storedEvent(happened.submitted(), { offset: 0, accepted: true }))).toBeUndefined()
})

test("others' rows and broken ones are not ours", () => {
  expect(ownSessionOf('{"daemon":"gateway","run_id":"1"}')).toBeUndefined()
  expect(ownSessionOf('{"daemon":"lattice","run_id":"1","prompt":"cut')).toBeUndefined()
  expect(ownSessionOf('')).toBeUndefined()
})
