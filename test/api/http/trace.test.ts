/** The trace a request belongs to is told by every answer. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Serving, serving } from './serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving({ http: { tokens: new Map([['s3cret-token', 'me']]) } })
})
afterAll(async () => server.close())

const header = 'x-lakehouse-trace-id'
const given = 'Auftrag 7: Köln/Süd'
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** Every route of the document, with nothing it needs: most answers are errors. */
function everyRoute(): readonly (readonly [method: string, path: string])[] {
  const methods = ['get', 'post', 'delete']
  return Object.entries(server.document.paths).flatMap(([path, operations]) =>
    methods
      .filter((method) => method in operations)
      .map((method) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x')] as const),
  )
}

test('is echoed verbatim on every route, with a token and without', async () => {
  const routes = everyRoute()
  expect(routes.length).toBeGreaterThan(25)
  for (const token of ['s3cret-token', 'wrong']) {
    for (const [method, path] of routes) {
      const response = await fetch(server.url + path, {
        method,
        headers: {
          [header]: latin1(given),
          authorization: `Bearer ${token}`,
          ...(method === 'POST' && { 'content-type': 'application/json' }),
        },
        ...(method === 'POST' && { body: '{}' }),
      })
      await response.arrayBuffer()
      const echoed = Buffer.from(response.headers.get(header) ?? '', 'latin1').toString('utf8')
      expect([method, path, response.status, echoed]).toEqual([method, path, response.status, given])
    }
  }
})

test.for([
  ['a route that is not', '/v1/nothing', 'GET', undefined],
  ['an address that is none', '/%zz', 'GET', undefined],
  ['a method that is not', '/v1/tasks', 'PATCH', undefined],
  ['a body that is no JSON', '/v1/tasks', 'POST', '{'],
  ['a body of another type', '/v1/chat/completions', 'POST', undefined],
] as const)('is echoed for %s', async ([, path, method, body]) => {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      [header]: 'trace-7',
      authorization: 'Bearer s3cret-token',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
    ...(path === '/v1/chat/completions' && { body: 'x' }),
  })
  expect(response.status).toBeGreaterThanOrEqual(400)
  expect(response.headers.get(header)).toBe('trace-7')
})

test('without one it is that of traceparent, else a new one each time', async () => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const ask = async (headers: Readonly<Record<string, string>> = {}) =>
    (await fetch(`${server.url}/health`, { headers })).headers.get(header)
  expect(await ask({ traceparent: `00-${trace}-b7ad6b7169203331-01` })).toBe(trace)
  const minted = [await ask(), await ask()]
  expect(minted).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)])
  expect(minted[0]).not.toBe(minted[1])
})

test('a stream has it too', async () => {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { [header]: 'trace-8', authorization: 'Bearer s3cret-token', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'openai/small', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
  })
  expect(await response.text()).toContain('data: [DONE]')
  expect([response.status, response.headers.get(header)]).toEqual([200, 'trace-8'])
})
