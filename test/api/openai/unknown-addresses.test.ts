/** Addresses of OpenAI's API that are not here. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving({ worker: false, stores: [] })
})
afterAll(() => server.close())

test.for([
  ['POST', '/v1/responses', 'application/json'],
  ['POST', '/v1/completions', 'application/json'],
  ['POST', '/v1/images/generations', 'application/json'],
  ['POST', '/v1/audio/transcriptions', 'multipart/form-data; boundary=x'],
  ['GET', '/v1/files', undefined],
  ['DELETE', '/v1/files/file-1', undefined],
  ['PUT', '/v1/files/file-1', 'application/json'],
  ['PATCH', '/v1/responses', 'application/json'],
  ['GET', '/v1/chat/completions/chatcmpl-1/messages', undefined],
] as const)('%s %s is refused in a form that clients show', async ([method, path, type]) => {
  const response = await fetch(`${server.url}${path}`, {
    method,
    ...(type === undefined ? {} : { headers: { 'content-type': type }, body: '{}' }),
  })
  const { error } = (await response.json()) as { error: Record<string, unknown> }
  expect([response.status, error['type'], error['code']]).toEqual([404, 'invalid_request_error', 'route.unknown'])
  expect(error['message']).toContain('/v1/chat/completions')
})

test.for([
  ['PUT', '/v1/chat/completions', 'POST'],
  ['GET', '/v1/chat/completions?limit=1', 'POST'],
  ['PATCH', '/v1/chat/completions', 'POST'],
  ['PROPFIND', '/v1/chat/completions', 'POST'],
  ['DELETE', '/v1/embeddings', 'POST'],
  ['POST', '/v1/models', 'GET, HEAD'],
  ['DELETE', '/v1/models/openai%2Fm', 'GET, HEAD'],
  ['PATCH', '/v1/models/openai/m', 'GET, HEAD'],
  ['PUT', '/v1/chat', 'POST'],
] as const)('%s %s is 405 in the same form, and says which methods there are', async ([method, path, allow]) => {
  const response = await fetch(`${server.url}${path}`, { method })
  const { error } = (await response.json()) as { error: Record<string, unknown> }
  expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  expect(error).toEqual({
    message: expect.stringContaining(allow),
    type: 'invalid_request_error',
    param: null,
    code: 'method.not-allowed',
  })
})

test('an address that can not be read is refused in the form of those beside it', async () => {
  const { status, json } = await server.ask('/v1/models/%ZZ')
  expect([status, json.error.type]).toEqual([400, 'invalid_request_error'])
})

test('every other address is refused by a problem document', async () => {
  const response = await fetch(`${server.url}/v1/nothing`)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    404,
    expect.stringContaining('application/problem+json'),
  ])
  const wrong = await fetch(`${server.url}/v1/tasks`, { method: 'PUT' })
  expect([wrong.status, wrong.headers.get('content-type')]).toEqual([
    405,
    expect.stringContaining('application/problem+json'),
  ])
})
