/** The machine's clock is set by hours, back and on, under a serving process: nothing but what is shown may follow it. */
import { afterEach, expect, test, vi } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'
import { follow } from '#test/api/http/follow.ts'
import { eventually } from '#test/contracts/eventually.ts'

const hour = 3_600_000
let jumpedMs = 0
const real = Date.now
// Before the process opens: its clock takes what `Date.now` is then.
vi.spyOn(Date, 'now').mockImplementation(() => real() + jumpedMs)
afterEach(() => void (jumpedMs = 0))

async function submit(server: Serving, more: object = {}): Promise<string> {
  const { json } = await server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p', retrieval: false, ...more } })
  return json.runId
}

test.for([
  ['on by 6 hours', 6 * hour],
  ['back by 6 hours', -6 * hour],
  ['on by 90 days', 90 * 24 * hour],
  ['back by 30 years', -30 * 365 * 24 * hour],
] as const)(
  'set %s in the middle of calls, runs end as they would, once, and none is abandoned',
  async ([, jumpMs]) => {
    await using server = await serving({ stores: ['lookup'] })
    server.models.always({ fault: 'slow', ms: 300 })
    const body = { model: 'openai/m', messages: [{ role: 'user', content: 'p' }] }
    const keyed = { method: 'POST', body, headers: { 'idempotency-key': 'once' } }
    const runId = await submit(server, { deadlineMs: 20_000 })
    const { events } = await follow(`${server.url}/v1/runs/${runId}/events`)
    const seen = Array.fromAsync(events)
    const chat = server.ask('/v1/chat/completions', keyed)
    await eventually('both calls are under way', () => server.models.callCount === 2)
    jumpedMs = jumpMs

    expect((await chat).status).toBe(200)
    expect((await seen).map(({ event }) => event)).toEqual([
      'task.submitted',
      'run.started',
      'attempt.started',
      'attempt.completed',
      'verdict.reached',
      'run.completed',
    ])
    for (const { data } of await seen) {
      const { durationMs = 0 } = data.data as { durationMs?: number }
      expect(durationMs).toBeGreaterThanOrEqual(0)
      expect(durationMs).toBeLessThan(20_000)
    }
    expect((await server.ask(`/v1/runs/${runId}`)).json).toMatchObject({ outcome: 'accepted', attempts: 1 })
    const again = await server.ask('/v1/chat/completions', keyed)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(server.models.callCount).toBe(2)

    const later = await submit(server)
    await eventually(
      'what comes later ends',
      async () => (await server.ask(`/v1/runs/${later}`)).json.status === 'done',
    )
    expect((await server.ask('/v1/budgets')).status).toBe(200)
    expect((await server.ask('/ready')).json.ready).toBe(true)
  },
)

test('a resting provider rests for its time, whatever the clock says', async () => {
  await using server = await serving({ stores: ['lookup'] })
  const body = { model: 'openai/m', messages: [{ role: 'user', content: 'p' }] }
  server.models.always({ fault: 'status', status: 503 })
  const ask = async (): Promise<string | undefined> =>
    (await server.ask('/v1/chat/completions', { method: 'POST', body })).code
  await eventually('it is left alone', async () => (await ask()) === 'breaker-open', { deadlineMs: 40_000 })
  const calls = server.models.callCount
  jumpedMs = 6 * hour
  expect(await ask()).toBe('breaker-open')
  jumpedMs = -6 * hour
  expect(await ask()).toBe('breaker-open')
  expect(server.models.callCount).toBe(calls)
}, 60_000)
