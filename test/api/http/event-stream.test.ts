/** A run followed by server-sent events, over real HTTP. */
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { follow } from './follow.ts'
import type { Followed } from './follow.ts'
import { head } from './raw.ts'
import { serving } from './serving.ts'
import type { Serving } from './serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving()
})
afterAll(() => server.close())

async function submit(prompt = 'p', at: Serving = server): Promise<string> {
  return (await at.ask('/v1/tasks', { method: 'POST', body: { prompt, retrieval: false } })).json.runId
}

async function ended(runId: string, at: Serving = server): Promise<void> {
  await eventually('the run is done', async () => (await at.ask(`/v1/runs/${runId}`)).json.status === 'done')
}

const whole = [
  'task.submitted',
  'run.started',
  'attempt.started',
  'attempt.completed',
  'verdict.reached',
  'run.completed',
]

test('a run is replayed from its start, followed, and the stream ends when it does; each event once', async () => {
  server.models.script({ fault: 'slow', ms: 200 })
  const runId = await submit()
  const { status, headers, events } = await follow(`${server.url}/v1/runs/${runId}/events`)
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/event-stream')
  expect(headers.get('x-lattice-position')).toContain('/runs.v1:')
  const seen = await Array.fromAsync(events)
  expect(seen.map(({ event }) => event)).toEqual(whole)
  const offsets = seen.map(({ id }) => Number(id))
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
  expect(new Set(offsets).size).toBe(whole.length)
  for (const { id, event, data } of seen)
    expect(data).toMatchObject({ type: event, subject: runId, position: { offset: Number(id) } })
  const { json } = await server.ask(`/v1/runs/${runId}/events`)
  expect(json.events).toEqual(seen.map(({ data }) => data))
})

test('an ended run is replayed and the stream ends', async () => {
  const runId = await submit()
  await ended(runId)
  const seen = await Array.fromAsync((await follow(`${server.url}/v1/runs/${runId}/events`)).events)
  expect(seen.map(({ event }) => event)).toEqual(whole)
})

test('Last-Event-ID goes on right behind it, wherever the stream was cut, in a live run too', async () => {
  const runId = await submit()
  await ended(runId)
  const url = `${server.url}/v1/runs/${runId}/events`
  const all = await Array.fromAsync((await follow(url)).events)
  for (const [index, { id }] of all.entries()) {
    const resumed = await follow(url, { lastEventId: id })
    expect(resumed.status).toBe(index === all.length - 1 ? 204 : 200)
    expect((await Array.fromAsync(resumed.events)).map((event) => event.id)).toEqual(
      all.slice(index + 1).map((event) => event.id),
    )
  }

  server.models.script({ fault: 'slow', ms: 300 })
  const live = await submit()
  const first: Followed[] = []
  const cut = await follow(`${server.url}/v1/runs/${live}/events`)
  for await (const event of cut.events) {
    first.push(event)
    if (first.length === 2) break
  }
  cut.leave()
  const rest = await follow(`${server.url}/v1/runs/${live}/events`, { lastEventId: first[1]?.id ?? '' })
  expect([...first, ...(await Array.fromAsync(rest.events))].map(({ event }) => event)).toEqual(whole)
})

test('a Last-Event-ID that this server never gave is refused', async () => {
  const runId = await submit()
  for (const id of ['x', '-1', '1.5', '999999999', '1e3', ' ']) {
    const headers = { accept: 'text/event-stream', 'last-event-id': id }
    expect(await server.ask(`/v1/runs/${runId}/events`, { headers })).toMatchObject({
      status: 400,
      code: 'request.invalid',
    })
  }
})

test('what comes between replay and following is neither lost nor doubled, with many followers and runs at once', async () => {
  const runs = await Promise.all(Array.from({ length: 20 }, (_, index) => submit(`run ${index}`)))
  const seen = await Promise.all(
    [...runs, ...runs, ...runs].map(async (runId) =>
      Array.fromAsync((await follow(`${server.url}/v1/runs/${runId}/events`)).events),
    ),
  )
  for (const events of seen) expect(events.map(({ event }) => event)).toEqual(whole)
})

test('a rejected event is not shown', async () => {
  server.models.script({ fault: 'slow', ms: 200 })
  const runId = await submit()
  const following = await follow(`${server.url}/v1/runs/${runId}/events`)
  const chain = { run: runId, seq: 1, prev: 'never-was' }
  await server.lattice.journal.write([
    {
      type: 'run.completed',
      subject: runId,
      chain,
      data: { outcome: 'accepted', reason: null, attempt: null, attempts: 0, durationMs: 0 },
    },
  ])
  expect((await Array.fromAsync(following.events)).map(({ event }) => event)).toEqual(whole)
})

test('a client that goes is forgotten', async () => {
  await using own = await serving({ worker: false })
  const runId = await submit('p', own)
  const watchers = watchersOf(own)
  const following = await Promise.all(Array.from({ length: 10 }, () => follow(`${own.url}/v1/runs/${runId}/events`)))
  await eventually('ten watch', () => watchers() === 10)
  for (const one of following) one.leave()
  await eventually('nobody watches', () => watchers() === 0)
})

/** How many follow a run in this process. */
function watchersOf({ lattice }: Serving): () => number {
  let watching = 0
  const { feed } = lattice
  const { watch } = feed
  Object.assign(feed, {
    watch(run: string, see: Parameters<typeof watch>[1]) {
      const stop = watch(run, see)
      watching += 1
      return () => {
        watching -= 1
        stop()
      }
    },
  })
  return () => watching
}

test(
  'a reader that takes nothing costs no memory, and sees each event once when it reads on',
  { timeout: 60_000 },
  async () => {
    await using own = await serving({ worker: false, stores: ['lookup'] })
    const runId = await submit('p', own)
    const watchers = watchersOf(own)
    const socket = connect(own.port, '127.0.0.1')
    socket.pause()
    socket.write(head(`GET /v1/runs/${runId}/events HTTP/1.1`, 'accept: text/event-stream'))
    await eventually('it is followed', () => watchers() === 1)

    const wishes = 200
    const reason = 'because '.repeat(12_500)
    const before = memoryNow()
    for (let count = 0; count < wishes; count += 1) {
      const chain = { run: runId, seq: -1, prev: '' }
      await own.lattice.journal.write([
        { type: 'task.cancelled', subject: runId, chain, data: { reason, principal: 'local' } },
      ])
    }
    // 20 MB were written; what is held is what the socket took, one event and a few records.
    await eventually('no more than that is held', () => memoryNow() - before < 8e6)

    const ids: number[] = []
    let rest = ''
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('id: ')) ids.push(Number(line.slice(4)))
    })
    socket.resume()
    await eventually('all of it came', () => ids.length >= wishes + 1)
    expect(ids).toEqual(Array.from({ length: wishes + 1 }, (_, index) => index))
    socket.destroy()
  },
)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function memoryNow(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('closing the server ends streams and waiting reads at once', async () => {
  const own = await serving({ worker: false })
  const runId = await submit('p', own)
  const following = await follow(`${own.url}/v1/runs/${runId}/events`)
  const events = Array.fromAsync(following.events)
  const waits = countCalls(own.lattice.stores.lookup ?? {}, 'reached')
  const waiting = fetch(`${own.url}/v1/runs?at=${own.lattice.given.log.id}/runs.v1:0:99999&wait=60000`)
  await eventually('a read waits', () => waits() === 1)
  const began = performance.now()
  await own.close()
  expect(performance.now() - began).toBeLessThan(3000)
  expect((await events).map(({ event }) => event)).toEqual(['task.submitted'])
  expect((await waiting).status).toBe(409)
})

function countCalls<Name extends string>(on: { [name in Name]?: unknown }, name: Name): () => number {
  const called = on[name] as (...given: readonly unknown[]) => unknown
  let calls = 0
  Object.assign(on, {
    [name]: (...given: readonly unknown[]) => {
      calls += 1
      return called.apply(on, given as unknown[])
    },
  })
  return () => calls
}
