/** Runs for point reads: given events, these rows. */
import { beforeEach, describe, expect, test } from 'vitest'
import { getRun, listRuns, openInteractive, placesOf } from '#processors/runs/runs.query.ts'
import { runsProjection } from '#processors/runs/runs.projection.ts'
import type { AnyNewEvent } from '#schemas/event.ts'
import { type Given, projected, timeOf } from '#test/processors/given-events.ts'
import { happened, runId } from './run-script.ts'

let store: Given
beforeEach(() => {
  store = projected([runsProjection])
})

async function given(events: readonly AnyNewEvent[], run = runId): Promise<void> {
  for (const event of events) await store.given({ ...event, subject: run })
}
const run = (id = runId) => getRun(store.tables, id)!
const messages = JSON.stringify([
  { role: 'user', content: 'first' },
  { role: 'user', content: 'the question' },
])

describe('a run', () => {
  test('is queued, running and done, with what it took and the answer that stands', async () => {
    await given([happened.submitted({ messages, tags: { team: 'a' } })])
    expect(run()).toMatchObject({
      status: 'queued',
      outcome: null,
      prompt: 'the question',
      tags: { team: 'a' },
      attempts: 0,
      answer: null,
    })
    await given([
      happened.started(),
      happened.attempted(1),
      happened.failed(1, { code: 'rate-limited', httpStatus: 429 }),
    ])
    expect(run()).toMatchObject({ status: 'running', attempts: 1, startedAt: timeOf(1) })
    await given([happened.waited(), happened.resumed(), happened.attempted(2, { provider: 'two' })])
    await given([
      happened.answered(2, { content: 'the answer', costMicroUsd: 7 }),
      happened.judged(2, true),
      happened.completed('accepted', 2),
    ])
    expect(run()).toMatchObject({
      status: 'done',
      outcome: 'accepted',
      answer: 'the answer',
      provider: 'two',
      attempts: 2,
      resumes: 1,
      costMicroUsd: 7,
      submittedAt: timeOf(0),
      completedAt: timeOf(9),
      activeMs: 1,
      attemptList: [
        { attempt: 1, status: 'failed', code: 'rate-limited', httpStatus: 429, passed: null, findings: [] },
        { attempt: 2, status: 'completed', passed: true, durationMs: 10 },
      ],
    })
    expect(placesOf(store.tables, runId)).toEqual({
      runId,
      partition: 0,
      offsets: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      foldedTo: 10,
    })
  })

  test('shows nothing of events that were not accepted', async () => {
    await given([happened.submitted(), happened.started()])
    for (const event of [happened.cancelled(), happened.attempted(1), happened.completed('accepted')])
      await store.given(event, { accepted: false })
    expect(run()).toMatchObject({ status: 'running', attempts: 0 })
    expect(placesOf(store.tables, runId)?.offsets).toEqual([0, 1])
  })

  test.for<[string, AnyNewEvent[]]>([
    ['without an attempt', []],
    ['of an attempt that never answered', [happened.attempted(1)]],
    ['of an attempt that failed', [happened.attempted(1), happened.failed(1)]],
    ['without a verdict', [happened.attempted(1), happened.answered(1)]],
    ['against its verdict', [happened.attempted(1), happened.answered(1), happened.judged(1, false)]],
    [
      'by the verdict on another',
      [
        happened.attempted(1),
        happened.answered(1),
        happened.attempted(2),
        happened.answered(2),
        happened.judged(2, true),
      ],
    ],
  ])('[verdict.closed] said to be accepted %s is shown as failed', async ([, events]) => {
    await given([
      happened.submitted({ validator: 'v' }),
      happened.started(),
      ...events,
      happened.completed('accepted', 1),
    ])
    expect(run()).toMatchObject({ status: 'done', outcome: 'failed', reason: 'unproven', answer: null })
  })

  test('without a validator is accepted by its answer alone', async () => {
    await given([
      happened.submitted(),
      happened.started(),
      happened.attempted(1),
      happened.answered(1),
      happened.completed('accepted', 1),
    ])
    expect(run()).toMatchObject({ outcome: 'accepted', answer: 'an answer' })
  })

  test('with an answer behind a claim check names its hash', async () => {
    const content = { sha256: 'abc', sizeBytes: 9 } as never
    await given([
      happened.submitted(),
      happened.started(),
      happened.attempted(1),
      happened.answered(1, { content }),
      happened.completed('accepted', 1),
    ])
    expect(run()).toMatchObject({ answer: null, answerSha256: 'abc' })
  })

  test('is looked at by the sweeper while it is open and interactive', async () => {
    await given([happened.submitted({ interactive: true })], 'open')
    await given([happened.submitted({ interactive: true }), happened.completed('failed')], 'ended')
    await given([happened.submitted()], 'queued')
    expect(openInteractive(store.tables)).toMatchObject([{ runId: 'open', worker: null, deadlineMs: 60_000 }])
    await given([happened.started()], 'open')
    expect(openInteractive(store.tables)).toMatchObject([{ runId: 'open', worker: 'a' }])
  })
})

describe('the list', () => {
  test('has the newest first, a page at a time, each run once', async () => {
    for (let n = 0; n < 7; n += 1) await given([happened.submitted()], `run-${n}`)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = listRuns(store.tables, { limit: 3, ...(cursor === undefined ? {} : { cursor }) })
      seen.push(...page.runs.map((one) => one.runId))
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual(['run-6', 'run-5', 'run-4', 'run-3', 'run-2', 'run-1', 'run-0'])
  })

  test('is narrowed by status, outcome and kind', async () => {
    await given([happened.submitted()], 'queued')
    await given([happened.submitted({ kind: 'chat' }), happened.completed('cancelled')], 'done')
    const ids = (query: object) => listRuns(store.tables, { limit: 9, ...query }).runs.map((one) => one.runId)
    expect(ids({ status: 'queued' })).toEqual(['queued'])
    expect(ids({ outcome: 'cancelled' })).toEqual(['done'])
    expect(ids({ kind: 'chat' })).toEqual(['done'])
    expect(ids({ kind: 'chat', status: 'queued' })).toEqual([])
  })

  test.for(['x', '', 'W10', Buffer.from('[1,2]').toString('base64url'), 'null'])(
    'refuses a cursor it never gave: %j',
    (cursor) => {
      expect(() => listRuns(store.tables, { limit: 1, cursor })).toThrow(
        expect.objectContaining({ code: 'request.invalid' }),
      )
    },
  )
})
