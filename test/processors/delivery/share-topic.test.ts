/** What a reactor is handed of a topic: given records, then deliveries. */
import { expect, test } from 'vitest'
import type { Reactor } from '#processors/delivery/reactor.ts'
import { shareTopic } from '#processors/delivery/share-topic.ts'
import type { TakeOptions, WorkShare } from '#processors/ports/work-share.ts'
import { isInteractive, toHeaders } from '#schemas/wire/headers.ts'
import { createSystemClock } from '#infra/system/system-clock.ts'

const envelope = { source: '/lattice/test/1', subject: 'run-1', time: '2026-11-21T08:00:00.000Z' }
const started = toHeaders({ ...envelope, id: '1', type: 'run.started' })
const submitted = toHeaders({ ...envelope, id: '2', type: 'task.submitted' })
const interactive = toHeaders({ ...envelope, id: '3', type: 'task.submitted', interactive: true })

/** Takes nothing: keeps what it is asked for. */
async function askedFor(wants?: Reactor['wants']): Promise<NonNullable<TakeOptions['wants']>> {
  let asked: TakeOptions['wants']
  const workShare: WorkShare = {
    async *take(_topic, _group, options) {
      asked = options.wants
      yield* []
    },
    backlog: async () => ({ waiting: 0, taken: 0 }),
    close: async () => {},
  }
  const reactor: Reactor = {
    name: 'tested',
    version: 1,
    topic: 'runs.v1',
    on: ['task.submitted'],
    react: async () => 'done',
    ...(wants === undefined ? {} : { wants }),
  }
  const { signal } = new AbortController()
  await shareTopic(
    reactor,
    { workShare, clock: createSystemClock(), report() {} },
    { window: 1, signal, stopping: signal },
  )
  return asked ?? (() => expect.unreachable('it asked for everything'))
}

test('a reactor is handed records of its types', async () => {
  const wants = await askedFor()
  expect([started, submitted, interactive].map(wants)).toEqual([false, true, true])
})

test('and of those what it wants', async () => {
  const wants = await askedFor((headers) => !isInteractive(headers))
  expect([started, submitted, interactive].map(wants)).toEqual([false, true, false])
})
