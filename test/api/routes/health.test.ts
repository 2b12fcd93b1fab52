/** `/health`, `/ready`, `/metrics`, `/openapi.json` and the docs page over real HTTP. */
import { expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'

test('a serving process lives and is ready', async () => {
  await using server = await serving()
  expect((await server.ask('/health')).json).toEqual({ status: 'ok' })
  const ready = await server.ask('/ready')
  expect(ready.status).toBe(200)
  expect(ready.json).toEqual({
    ready: true,
    log: 'ok',
    stores: ['lookup', 'search', 'folders', 'warehouse'].map((store) => ({ store, state: 'folding' })),
  })
})

test('a process that is only starting is not ready, and is once it has started', async () => {
  let isUp = false
  await using server = await serving({ worker: false, stores: ['lookup'], http: { started: () => isUp } })
  const early = await server.ask('/ready')
  expect([early.status, early.json]).toMatchObject([503, { ready: false, log: 'ok' }])
  isUp = true
  expect((await server.ask('/ready')).status).toBe(200)
})

test('a process whose log does not answer, or whose store has stopped, lives and is not ready', async () => {
  await using server = await serving({
    worker: false,
    stores: ['lookup'],
    changed: (lattice) => {
      const log = Object.assign(Object.create(lattice.given.log), { bounds: () => new Promise(() => {}) })
      const [lookup] = lattice.owned
      const stopped = {
        ...lookup!,
        status: () => ({ ...lookup!.status(), state: 'stopped' as const, reason: '/secret/path is gone' }),
      }
      return { ...lattice, given: { ...lattice.given, log }, owned: [stopped] }
    },
  })
  const ready = await server.ask('/ready')
  expect(ready.status).toBe(503)
  expect(ready.json).toEqual({ ready: false, log: 'unavailable', stores: [{ store: 'lookup', state: 'stopped' }] })
  expect((await server.ask('/health')).status).toBe(200)
})

test('metrics are in the text format of Prometheus', async () => {
  await using server = await serving({ worker: false, stores: [] })
  const { status, headers, text } = await server.ask('/metrics')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toContain('text/plain; version=0.0.4')
  expect(text).toContain('lattice_up 1')
})

test('the docs page shows the document', async () => {
  await using server = await serving({ worker: false, stores: [] })
  const page = await fetch(`${server.url}/docs`)
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('Swagger UI')
  expect(await (await fetch(`${server.url}/docs/json`)).json()).toEqual((await server.ask('/openapi.json')).json)
})
