/** Every route, in one place: what is here is served, and what is served is here. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unknownOpenAiRoutes } from '#api/openai/unknown-addresses.ts'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'

const everyRoute = `
  DELETE /v1/runs/{id}
  GET    /health
  GET    /metrics
  GET    /openapi.json
  GET    /ready
  GET    /v1/budgets
  GET    /v1/budgets/{name}/periods
  GET    /v1/chat/providers
  GET    /v1/dead-letters
  GET    /v1/dead-letters/{id}
  GET    /v1/models
  GET    /v1/models/*
  GET    /v1/models/{id}
  GET    /v1/objects/{sha256}
  GET    /v1/runs
  GET    /v1/runs/{id}
  GET    /v1/runs/{id}/events
  GET    /v1/search
  GET    /v1/stores
  GET    /v1/stores/{name}/hash
  POST   /v1/chat
  POST   /v1/chat/completions
  POST   /v1/dead-letters/{id}/discard
  POST   /v1/dead-letters/{id}/resubmit
  POST   /v1/documents
  POST   /v1/embeddings
  POST   /v1/iterate
  POST   /v1/replay
  POST   /v1/replay/counterfactual
  POST   /v1/sql
  POST   /v1/tasks
  POST   /v1/validate
`

let server: Serving
const served: string[] = []
beforeAll(async () => {
  server = await serving({
    worker: false,
    stores: [],
    http: {
      routes: [
        (http, ...given) => {
          http.addHook('onRoute', ({ method, url }) => {
            for (const one of [method].flat())
              if (one !== 'HEAD') served.push(`${one.padEnd(6)} ${url.replace(/:(\w+)/g, '{$1}')}`)
          })
          // What it answers is that there is nothing.
          for (const add of everyGroup) if (add !== unknownOpenAiRoutes) add(http, ...given)
        },
      ],
    },
  })
})
afterAll(() => server.close())

const { routes: everyGroup } = await import('#api/routes/routes.ts')
const expected = everyRoute
  .trim()
  .split('\n')
  .map((line) => line.trim())
/** Another way to write an address that is documented. */
const unnamed = 'GET    /v1/models/*'

test('these are the routes', () => {
  expect(served.toSorted()).toEqual(expected)
})

test('the OpenAPI document has them all, each with an id of its own, a summary and its problems', () => {
  const { document } = server
  expect(document.openapi).toBe('3.1.0')
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase().padEnd(6)} ${path}`,
      operation,
    })),
  )
  expect(operations.map(({ route }) => route).toSorted()).toEqual(expected.filter((route) => route !== unnamed))
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
  for (const { route, operation } of operations) {
    expect(operation.summary, route).toBeTruthy()
    expect(Object.keys(operation.responses), route).toEqual(expect.arrayContaining(['400', '401', '500']))
    const good = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'))
    expect(good.length, route).toBeGreaterThan(0)
    for (const [status, { content }] of good) expect(content === undefined, `${route} ${status}`).toBe(status === '204')
  }
})

test('a query has nothing that must be there but the question of a search', () => {
  const required = Object.entries(server.document.paths).flatMap(([path, methods]) =>
    Object.values(methods).flatMap(({ parameters = [] }) =>
      parameters.filter((one) => one.in !== 'path' && one.required === true).map(({ name }) => `${path} ${name}`),
    ),
  )
  expect(required).toEqual(['/v1/search q'])
})

test('nothing of a framework shows through: every reference is to a named component', () => {
  const text = JSON.stringify(server.document)
  const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference ?? '')
  expect(references.length).toBeGreaterThan(20)
  for (const reference of references) {
    expect(reference).toMatch(/^#\/components\/schemas\/[A-Z]\w+$/)
    expect(server.document.components.schemas).toHaveProperty(reference.split('/').at(-1) ?? '')
  }
})
