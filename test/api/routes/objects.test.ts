/** `GET /v1/objects/:sha256` over real HTTP. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'

let server: Serving
beforeAll(async () => {
  server = await serving({ worker: false, stores: [] })
})
afterAll(() => server.close())

test('an object is its bytes, whatever they are', async () => {
  for (const bytes of [
    Buffer.from('text'),
    Buffer.alloc(0),
    Buffer.from([0, 255, 128, 10]),
    Buffer.alloc(3_000_000, 7),
  ]) {
    const sha256 = await server.lattice.given.objects.put(bytes)
    const response = await fetch(`${server.url}/v1/objects/${sha256}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
  }
})

test('an object that is not there, and a name that is none, are refused', async () => {
  const missing = createHash('sha256').update('missing').digest('hex')
  expect(await server.ask(`/v1/objects/${missing}`)).toMatchObject({ status: 404, code: 'object.missing' })
  for (const name of ['x', missing.toUpperCase(), `${missing}0`, missing.slice(1), `..%2f${missing.slice(4)}`]) {
    expect(await server.ask(`/v1/objects/${name}`)).toMatchObject({ status: 400, code: 'request.invalid' })
  }
})
