/** A server that stops while it answers, and a caller who cancels: who is told to ask again. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeEach(async () => {
  server = await serving({ stores: ['lookup'], worker: false })
  server.models.script('hang-before-headers')
})
afterEach(() => server.close())

const messages = [{ role: 'user', content: 'How long?' }]
const bodies = {
  '/v1/chat/completions': { model: 'openai/m', messages },
  '/v1/chat': { messages },
  '/v1/embeddings': { model: 'openai/m', input: 'text' },
  '/v1/iterate': { kind: 'json', prompt: 'One', model: 'openai/m' },
  '/v1/replay': { task: 't', local_model: 'openai/m', no_retrieval: true },
}

const post = (path: keyof typeof bodies): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(bodies[path]),
  })

test.each(Object.keys(bodies) as (keyof typeof bodies)[])(
  '%s of a server that stops is 503, to be asked again',
  async (path) => {
    const asked = post(path)
    await eventually('the model is asked', async () => server.models.calls.length === 1)
    const closed = server.http.close()
    const response = await asked
    const text = await response.text()
    await closed
    expect([response.status, text]).toEqual([503, expect.stringContaining('the server is shutting down')])
    expect(text).toContain('server.closing')
    if (path !== '/v1/iterate' && path !== '/v1/replay') expect(text).toContain('server_error')
    expect(response.headers.get('retry-after')).toBe('1')
    expect(response.headers.get('x-should-retry')).toBeNull()
  },
)

test('a chat whose run is cancelled by a caller is 499', async () => {
  const asked = post('/v1/chat/completions')
  await eventually('the model is asked', async () => server.models.calls.length === 1)
  const runId = await eventually('the run is listed', async () => {
    const { json } = await server.ask('/v1/runs?limit=1')
    return json.runs[0]?.runId as string | undefined
  })
  await server.ask(`/v1/runs/${runId}`, { method: 'DELETE' })
  const response = await asked
  expect([response.status, await response.json()]).toMatchObject([499, { error: { code: 'cancelled' } }])
})
