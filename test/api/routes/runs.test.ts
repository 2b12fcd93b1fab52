/** `/v1/runs` over real HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { work } from '#processors/work.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving()
})
afterAll(() => server.close())

async function submit(
  body: Record<string, unknown> = {},
  at: Serving = server,
): Promise<{ runId: string; position: string }> {
  return (await at.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p', retrieval: false, ...body } })).json
}

function done(runId: string, at: Serving = server): Promise<Answer['json']> {
  return eventually(`run ${runId} is done`, async () => {
    const { json } = await at.ask(`/v1/runs/${runId}`)
    return json.status === 'done' ? json : undefined
  })
}

describe('GET /v1/runs', () => {
  test('pages go on where the one before ended, each run once, newest first', async () => {
    await using own = await serving({ worker: false })
    const submitted = []
    let cursor = ''
    for (let count = 0; count < 25; count += 1) {
      const { runId, position } = await submit({}, own)
      submitted.push(runId)
      cursor = `&wait=5000&at=${encodeURIComponent(position)}`
    }
    const seen: string[] = []
    for (let page = 0; page < 10; page += 1) {
      const { json } = await own.ask(`/v1/runs?limit=10${cursor}`)
      seen.push(...json.runs.map(({ runId }: { runId: string }) => runId))
      if (json.next === null) break
      cursor = `&cursor=${json.next}`
      // What comes meanwhile is on no later page.
      await submit({}, own)
    }
    expect(seen.toSorted()).toEqual(submitted.toSorted())
    expect(seen).toEqual(submitted.toReversed())
  })

  test('filters by status, outcome and kind', async () => {
    const { runId } = await submit({ prompt: 'answer' })
    await done(runId)
    const ids = async (query: string): Promise<string[]> =>
      (await server.ask(`/v1/runs?limit=200&${query}`)).json.runs.map((run: { runId: string }) => run.runId)
    expect(await ids('status=done&outcome=accepted&kind=task')).toContain(runId)
    expect(await ids('status=queued')).not.toContain(runId)
    expect(await ids('outcome=failed')).not.toContain(runId)
    expect(await ids('kind=chat')).toEqual([])
  })

  test('a list shows the beginning of an answer, the run all of it, and a large one stands beside', async () => {
    server.models.answerWith('word '.repeat(1000))
    const { runId } = await submit()
    const whole = await done(runId)
    expect(whole.answer).toHaveLength(5000)
    const { runs } = (await server.ask('/v1/runs?limit=1')).json
    expect(runs[0].answer).toHaveLength(2000)

    server.models.answerWith('x'.repeat(1_000_000))
    const large = await done((await submit()).runId)
    expect(large.answer).toBeNull()
    expect((await server.ask(`/v1/objects/${large.answerSha256}`)).text).toHaveLength(1_000_000)
    server.models.answerWith('forty-two')
  })
})

describe('a position', () => {
  test('is awaited, and told with every answer', async () => {
    const { runId, position } = await submit()
    const read = await server.ask(`/v1/runs/${runId}?at=${position}&wait=5000`)
    expect(read.status).toBe(200)
    const told = read.headers.get('x-lattice-position') ?? ''
    expect(Number(told.split(':').at(-1))).toBeGreaterThanOrEqual(Number(position.split(':').at(-1)))
    expect((await server.ask(`/v1/runs?at=${told}`)).status).toBe(200)
  })

  test('that is not reached is 409 with where the store is; of another log, or not of this view, is refused', async () => {
    const { position } = await submit()
    const [logId] = position.split('/')
    const far = await server.ask(`/v1/runs?at=${logId}/runs.v1:0:999999&wait=50`)
    expect(far).toMatchObject({ status: 409, code: 'position.not-reached' })
    expect(far.json.position).toMatch(new RegExp(`^${logId}/runs\\.v1:0:\\d+$`))
    expect(await server.ask('/v1/runs?at=another-log/runs.v1:0:0')).toMatchObject({ status: 409, code: 'log.other' })
    for (const at of [
      `${logId}/documents.v1:0:0`,
      `${logId}/runs.v1:7:0`,
      `${logId}/nothing.v1:0:0`,
      `${logId}/runs.v1:0:0,documents.v1:0:0`,
    ]) {
      expect(await server.ask(`/v1/runs?at=${at}`)).toMatchObject({ status: 400, code: 'position.invalid' })
    }
  })

  test('is waited for until it comes', async () => {
    const { position } = await submit()
    const next = position.replace(/\d+$/, (offset) => String(Number(offset) + 20))
    const waiting = server.ask(`/v1/runs?at=${next}&wait=20000`)
    await Promise.all(Array.from({ length: 10 }, () => submit()))
    expect((await waiting).status).toBe(200)
  })
})

describe('GET /v1/runs/:id', () => {
  test('finds a run at once that another process has accepted', async () => {
    await using own = await serving({ worker: false })
    await using other = await serving({ worker: false, folder: own.folder, stores: ['lookup'] })
    for (let count = 0; count < 20; count += 1) {
      const [from, to] = count % 2 === 0 ? [own, other] : [other, own]
      const { runId } = await submit({}, from)
      expect((await to.ask(`/v1/runs/${runId}`)).status).toBe(200)
      expect((await to.ask(`/v1/runs/${runId}/events`)).json.events).toHaveLength(1)
      expect((await to.ask(`/v1/runs/${runId}`, { method: 'DELETE' })).status).toBe(202)
    }
  })

  test('says 404 of a run that is nowhere', async () => {
    for (const path of ['/v1/runs/nowhere', '/v1/runs/nowhere/events']) {
      expect(await server.ask(path)).toMatchObject({ status: 404, code: 'run.unknown' })
    }
    expect(await server.ask('/v1/runs/nowhere', { method: 'DELETE' })).toMatchObject({
      status: 404,
      code: 'run.unknown',
    })
  })

  test('never says 404 of a run whose store lags: 409', async () => {
    await using own = await serving({ worker: false, changed: withStuckLookup })
    const { runId } = await submit({}, own)
    expect(await own.ask(`/v1/runs/${runId}`)).toMatchObject({ status: 409, code: 'position.not-reached' })
    expect(await own.ask('/v1/runs/nowhere')).toMatchObject({ status: 404, code: 'run.unknown' })
  })

  test('HEAD is GET without its body', async () => {
    const { runId } = await submit()
    await done(runId)
    for (const path of ['/v1/runs', `/v1/runs/${runId}`, `/v1/runs/${runId}/events`, '/health', '/openapi.json']) {
      const head = await server.ask(path, { method: 'HEAD', headers: { accept: 'text/event-stream' } })
      expect(head.status, path).toBe(200)
      expect(head.text).toBe('')
      expect(Number(head.headers.get('content-length'))).toBeGreaterThan(10)
    }
  })
})

/** A lookup store that folds nothing. */
function withStuckLookup(lattice: Serving['lattice']): Serving['lattice'] {
  const { lookup } = lattice.stores
  if (lookup === undefined) throw new Error('no lookup store')
  const stuck = { ...lookup, next: () => 0, reached: async () => false, query: async () => undefined as never }
  return { ...lattice, stores: { ...lattice.stores, lookup: stuck } }
}

describe('DELETE /v1/runs/:id', () => {
  test('a queued run is cancelled before any call', async () => {
    await using own = await serving({ worker: false })
    const { runId } = await submit({}, own)
    const cancelled = await own.ask(`/v1/runs/${runId}`, { method: 'DELETE' })
    expect(cancelled.status).toBe(202)
    const read = await own.ask(`/v1/runs/${runId}?at=${cancelled.headers.get('x-lattice-position')}&wait=5000`)
    expect(read.json).toMatchObject({ status: 'queued', cancelRequested: true })
    const worker = await work(own.lattice)
    expect(await done(runId, own)).toMatchObject({ outcome: 'cancelled', attempts: 0 })
    expect(own.models.callCount).toBe(0)
    await worker.stop(1000)
  })

  test('a running run is interrupted in its call; twice is once; afterwards it is closed', async () => {
    await using own = await serving()
    own.models.always('hang-before-headers')
    const { runId } = await submit({}, own)
    await eventually('the call', () => own.models.callCount === 1)
    const [one, two] = await Promise.all([
      own.ask(`/v1/runs/${runId}`, { method: 'DELETE' }),
      own.ask(`/v1/runs/${runId}`, { method: 'DELETE' }),
    ])
    expect([one.status, two.status]).toContain(202)
    for (const answer of [one, two]) if (answer.status !== 202) expect(answer.code).toBe('run.closed')
    expect(await done(runId, own)).toMatchObject({ outcome: 'cancelled', cancelRequested: true })
    await eventually('the call hung up', () => own.models.calls[0]?.hungUp)
    expect(await own.ask(`/v1/runs/${runId}`, { method: 'DELETE' })).toMatchObject({ status: 409, code: 'run.closed' })
  })
})
