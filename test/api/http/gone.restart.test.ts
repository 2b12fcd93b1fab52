/** A server that stops while it answers: what its stream says last, and what the same Idempotency-Key gets from the next one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-stopped-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const start = (worker = false): Promise<Serving> =>
  serving({ folder, stores: ['lookup'], worker, env: { LH_DISTILL_ROOT: folder } })
const messages = [{ role: 'user', content: 'How long?' }]
const schema = { type: 'object', required: ['n'] }
const iterate = { kind: 'json_schema', prompt: 'One', model: 'openai/m', context: { schema } }
const bodies = {
  '/v1/chat/completions': { model: 'openai/m', messages },
  '/v1/chat': { messages },
  '/v1/embeddings': { model: 'openai/m', input: 'text' },
  '/v1/iterate': iterate,
  '/v1/replay': { task: 'When?', local_model: 'openai/m', no_retrieval: true },
}
type Path = keyof typeof bodies

const ask = (server: Serving, path: Path, key = 'once', body: object = bodies[path]): Promise<Answer> =>
  server.ask(path, { method: 'POST', body, headers: { 'idempotency-key': key } })

/** A request that is under way when its server stops. */
async function stopDuring(path: Path, worker = false): Promise<Answer> {
  await using server = await start(worker)
  server.models.script('hang-before-headers')
  const asked = ask(server, path)
  await eventually('the model is asked', async () => server.models.calls.length === 1)
  const [answer] = await Promise.all([asked, server.http.close()])
  return answer
}

test.each(Object.keys(bodies) as Path[])('%s: the same key gets an answer of the next server', async (path) => {
  const stopped = await stopDuring(path)
  expect([stopped.status, stopped.code]).toEqual([503, 'server.closing'])
  expect(stopped.headers.get('retry-after')).toBe('1')

  await using server = await start()
  server.models.answerWith('{"n": 1}')
  const first = await ask(server, path)
  expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([200, null])
  const again = await ask(server, path)
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
  expect(again.headers.get('x-request-id')).toBe(first.headers.get('x-request-id'))
  expect(server.models.calls).toHaveLength(1)
})

test('a stream that was cut by the stop says so, and its key gets the whole answer', async () => {
  const streamed = { ...bodies['/v1/chat/completions'], stream: true }
  {
    await using server = await start()
    server.models.script('hang-mid-body')
    const asked = ask(server, '/v1/chat/completions', 'once', streamed)
    await eventually('the model is asked', async () => server.models.calls.length === 1)
    const [{ text }] = await Promise.all([asked, server.http.close()])
    expect(text).toContain('server.closing')
    expect(text).not.toContain('[DONE]')
  }
  await using server = await start()
  const { status, text } = await ask(server, '/v1/chat/completions', 'once', streamed)
  expect([status, text.trimEnd().endsWith('[DONE]')]).toEqual([200, true])
})

test('the run that was stopped is abandoned and stays so; another body under its key is refused', async () => {
  await stopDuring('/v1/chat')
  await using server = await start()
  const other = await ask(server, '/v1/chat', 'once', { messages: [{ role: 'user', content: 'Another' }] })
  expect([other.status, other.code]).toEqual([422, 'idempotency.conflict'])
  await ask(server, '/v1/chat')
  const runs = await eventually('both are listed', async () => {
    const { json } = await server.ask('/v1/runs?status=done')
    return json.runs.length === 2 ? (json.runs as Record<string, unknown>[]) : undefined
  })
  expect(runs.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ['accepted', null],
    ['abandoned', 'server.closing'],
  ])
})

test('a key that was given up twice is taken again; of two at once one is answered', async () => {
  await stopDuring('/v1/chat')
  await stopDuring('/v1/chat')
  await using server = await start()
  server.models.script({ fault: 'slow', ms: 300 })
  const both = await Promise.all([ask(server, '/v1/chat'), ask(server, '/v1/chat')])
  expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
  expect(server.models.callCount).toBe(1)
})

test('a caller who leaves has cancelled: its key is not taken again', async () => {
  await using server = await start()
  server.models.script('hang-before-headers')
  const leaving = new AbortController()
  const asked = fetch(`${server.url}/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'once' },
    body: JSON.stringify(bodies['/v1/chat']),
    signal: leaving.signal,
  }).catch(() => 'left')
  await eventually('the model is asked', async () => server.models.calls.length === 1)
  leaving.abort()
  expect(await asked).toBe('left')
  const again = await eventually('the run is closed', async () => {
    const answer = await ask(server, '/v1/chat')
    return answer.status === 409 ? undefined : answer
  })
  expect([again.status, again.code]).toEqual([499, 'cancelled'])
})

test('a stream of iterate ends with a result that says so, and each run has its row', async () => {
  {
    await using server = await start(true)
    server.models.answerWith('{"m": 1}')
    server.models.script('ok', 'hang-before-headers')
    const asked = server.ask('/v1/iterate', {
      method: 'POST',
      body: iterate,
      headers: { accept: 'text/event-stream', 'x-lakehouse-trace-id': 'streamed' },
    })
    await eventually('the model is asked again', async () => server.models.calls.length === 2)
    const [{ text }] = await Promise.all([asked, server.http.close()])
    const events = text.split('\n\n').filter((part) => part.includes('event: '))
    const names = events.map((part) => /^event: (.*)$/m.exec(part)?.[1])
    expect(names.slice(0, 4)).toEqual(['attempt.started', 'attempt.completed', 'verdict.reached', 'attempt.started'])
    expect(names.at(-1)).toBe('result')
    expect(names.filter((name) => name === 'result')).toHaveLength(1)
    const last = JSON.parse(/^data: (.*)$/m.exec(events.at(-1) ?? '')?.[1] ?? 'null')
    expect(last).toMatchObject({
      status: 503,
      body: {
        code: 'server.closing',
        error: expect.stringContaining('the server is shutting down'),
        iterations: 1,
        history: [
          { iteration: 0, raw: '{"m": 1}', status: { kind: 'validation_failed' } },
          { iteration: 1, raw: '', status: { kind: 'infra_error', error: { code: 'cancelled' } } },
        ],
        trace_id: 'streamed',
      },
    })
  }
  expect(await rowsAfterRestart()).toMatchObject([
    { session_id: 'streamed', final_verdict: 'abandoned', reason: 'server.closing', iterations: 1 },
  ])
})

async function rowsAfterRestart(): Promise<unknown[]> {
  await using _server = await start(true)
  // Awaited here: the server is closed on the way out.
  return await eventually('a row', async () => {
    const text = await Promise.resolve()
      .then(() => readFileSync(join(folder, 'data', 'sessions.jsonl'), 'utf8'))
      .catch(() => '')
    return text.endsWith('\n')
      ? text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown)
      : undefined
  })
}
