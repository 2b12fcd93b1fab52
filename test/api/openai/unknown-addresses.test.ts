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
] as const)('%s %s is refused in a form that clients show', async ([method, path, type]) => {
  const response = await fetch(`${server.url}${path}`, {
    method,
    ...(type === undefined ? {} : { headers: { 'content-type': type }, body: '{}' }),
  })
  const { error } = (await response.json()) as { error: Record<string, unknown> }
  expect([response.status, error['type'], error['code']]).toEqual([404, 'invalid_request_error', 'route.unknown'])
  expect(error['message']).toContain('/v1/chat/completions')
})

test('every other address is refused by a problem document', async () => {
  const response = await fetch(`${server.url}/v1/nothing`)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    404,
    expect.stringContaining('application/problem+json'),
  ])
})
