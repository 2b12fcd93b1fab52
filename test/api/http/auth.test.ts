/** Who may ask. */
import { expect, test } from 'vitest'
import { head, raw } from './raw.ts'
import { serving } from './serving.ts'

const tokens = new Map([
  ['secret-of-alice', 'alice'],
  ['secret-of-bob', 'bob'],
])

test('with tokens every address but health, readiness and documentation needs one', async () => {
  await using server = await serving({ worker: false, http: { tokens } })
  for (const path of ['/health', '/ready', '/openapi.json', '/docs', '/docs/static/index.css']) {
    expect((await fetch(`${server.url}${path}`)).status, path).toBe(200)
  }
  const guarded = Object.entries(server.document.paths).filter(
    ([path]) => !/^\/(health|ready|openapi\.json)$/.test(path),
  )
  expect(guarded.length).toBeGreaterThan(10)
  for (const [path, operations] of guarded) {
    for (const method of Object.keys(operations)) {
      const answer = await server.ask(path.replace(/\{.*?\}/, 'x'), { method: method.toUpperCase() })
      expect(answer, `${method} ${path}`).toMatchObject({ status: 401, code: 'auth.required' })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
  }
  for (const path of ['/nothing', '/docs/../v1/runs', '//docs', '/health/../v1/runs', '/v1/runs/%2e%2e/health']) {
    const answer = await raw(server.port, head(`GET ${path} HTTP/1.1`))
    expect(answer.status, path).toBe(401)
  }
})

test.for([
  'secret-of-alic',
  'secret-of-alicee',
  'SECRET-OF-ALICE',
  '',
  'alice',
  'Bearer',
  'secret-of-alice,secret-of-bob',
])('the token %s opens nothing', async (token) => {
  await using server = await serving({ worker: false, stores: ['lookup'], http: { tokens } })
  for (const authorization of [`Bearer ${token}`, `Basic ${token}`, token]) {
    const answer = await server.ask('/v1/runs', { headers: { authorization } })
    expect(answer).toMatchObject({ status: 401, code: 'auth.required' })
    if (token.length > 6) expect(answer.text).not.toContain(token)
  }
})

test('each token has its principal, which a run remembers, and an idempotency key is the principal’s own', async () => {
  await using server = await serving({ worker: false, http: { tokens } })
  const runs = new Map<string, string>()
  for (const [token, principal] of tokens) {
    const headers = { authorization: `bearer ${token}`, 'idempotency-key': 'the same' }
    const { json } = await server.ask('/v1/tasks', { method: 'POST', body: { prompt: principal }, headers })
    const read = await server.ask(`/v1/runs/${json.runId}`, { headers })
    expect(read.json).toMatchObject({ principal, prompt: principal })
    runs.set(json.runId, principal)
  }
  expect(runs.size).toBe(2)
})

test('no token stands in a signal, an event or an answer', async () => {
  await using server = await serving({ http: { tokens }, env: { LATTICE_AUTH_TOKEN: 'secret-of-alice' } })
  const headers = { authorization: 'Bearer secret-of-alice' }
  const { json } = await server.ask('/v1/tasks', {
    method: 'POST',
    body: { prompt: 'my token is secret-of-alice' },
    headers,
  })
  const events = await server.ask(`/v1/runs/${json.runId}/events`, { headers })
  expect(events.text).toContain('task.submitted')
  expect(events.text).not.toContain('secret-of-alice')
  expect(JSON.stringify(server.signals)).not.toContain('secret-of-alice')
})

test('without tokens a foreign name for this machine is refused', async () => {
  await using server = await serving({ worker: false, stores: ['lookup'] })
  const ask = (host: string): Promise<number> =>
    raw(server.port, `GET /v1/runs HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`).then(({ status }) => status)
  for (const host of ['localhost', `localhost:${server.port}`, '127.0.0.1:1', '[::1]:8300', 'lattice.localhost'])
    expect(await ask(host), host).toBe(200)
  for (const host of ['example.org', 'localhost.example.org', '127.0.0.1.example.org', '10.0.0.1', '0.0.0.0'])
    expect(await ask(host), host).toBe(403)
})

test('without tokens a page of another origin changes nothing', async () => {
  await using server = await serving({ worker: false, http: { corsOrigins: ['http://console.example'] } })
  const post = (origin: string): Promise<number> =>
    server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p' }, headers: { origin } }).then(({ status }) => status)
  for (const origin of [
    'http://evil.example',
    'null',
    'http://console.example.evil',
    `http://127.0.0.1:${server.port + 1}`,
  ])
    expect(await post(origin)).toBe(403)
  for (const origin of ['http://console.example', server.url]) expect(await post(origin)).toBe(202)
})

test('CORS: a page of a named origin may ask, read the position and preflight; others are told nothing', async () => {
  await using server = await serving({ worker: false, http: { tokens, corsOrigins: ['http://console.example'] } })
  const preflight = (origin: string) =>
    fetch(`${server.url}/v1/runs/x`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization' },
    })
  const allowed = await preflight('http://console.example')
  expect(allowed.status).toBe(204)
  expect(allowed.headers.get('access-control-allow-origin')).toBe('http://console.example')
  expect(allowed.headers.get('access-control-allow-methods')).toContain('DELETE')
  expect(allowed.headers.get('access-control-allow-headers')).toContain('authorization')
  expect((await preflight('http://evil.example')).headers.get('access-control-allow-origin')).toBeNull()

  const headers = { origin: 'http://console.example', authorization: 'Bearer secret-of-bob' }
  const read = await server.ask('/v1/runs', { headers })
  expect(read.headers.get('access-control-expose-headers')).toContain('x-lattice-position')
  const refused = await server.ask('/v1/runs', { headers: { origin: 'http://console.example' } })
  expect(refused.status).toBe(401)
  expect(refused.headers.get('access-control-allow-origin')).toBe('http://console.example')
})

test('CORS is closed unless it is opened, and * opens it to all', async () => {
  await using closed = await serving({ worker: false, stores: ['lookup'] })
  const answer = await closed.ask('/v1/runs', { headers: { origin: 'http://console.example' } })
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  await using open = await serving({ worker: false, stores: ['lookup'], http: { corsOrigins: ['*'] } })
  expect(
    (await open.ask('/v1/runs', { headers: { origin: 'http://a.example' } })).headers.get(
      'access-control-allow-origin',
    ),
  ).toBe('*')
})
