/** `/health`: the process lives. `/ready`: it can serve. `/metrics`: Prometheus. `/openapi.json`: all of this. */
import { Type } from 'typebox'
import { answers } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'

const Health = Type.Object({ status: Type.Literal('ok') }, { $id: 'Health' })

const Ready = Type.Object(
  {
    ready: Type.Boolean(),
    log: Type.Enum(['ok', 'unavailable']),
    stores: Type.Array(Type.Object({ store: Type.String(), state: Type.Enum(['folding', 'stalled', 'stopped']) })),
  },
  { $id: 'Ready' },
)

const logPatienceMs = 2000

export const healthRoutes: AddRoutes = (http, { lattice }, { metrics, started = () => true }) => {
  const { log, clock } = lattice.given
  for (const schema of [Health, Ready]) http.addSchema(schema)

  http.get(
    '/health',
    {
      schema: {
        operationId: 'getHealth',
        summary: 'Whether the process lives',
        tags: ['health'],
        security: [],
        response: answers({ 200: { description: 'It does.', schema: Health } }),
      },
    },
    async () => ({ status: 'ok' }),
  )

  http.get(
    '/ready',
    {
      schema: {
        operationId: 'getReady',
        summary: 'Whether it can serve',
        description:
          'The process has started, the log answers, and every store of this process folds. What is wrong with a store: GET /v1/stores.',
        tags: ['health'],
        security: [],
        response: answers({
          200: { description: 'It can.', schema: Ready },
          503: { description: 'It can not.', schema: Ready },
        }),
      },
    },
    async (_, reply) => {
      const stores = lattice.owned.map((store) => store.status()).map(({ store, state }) => ({ store, state }))
      const answered = await logAnswers()
      const ready = answered && started() && stores.every(({ state }) => state === 'folding')
      return reply.code(ready ? 200 : 503).send({ ready, log: answered ? 'ok' : 'unavailable', stores })
    },
  )

  async function logAnswers(): Promise<boolean> {
    const over = new AbortController()
    const asked = log.bounds('operations.v1').then(
      () => true,
      () => false,
    )
    const answered = await Promise.race([asked, clock.sleep(logPatienceMs, over.signal).then(() => false)])
    over.abort()
    return answered
  }

  http.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        summary: 'Prometheus metrics',
        tags: ['health'],
        response: answers({ 200: { description: 'In the text format of Prometheus.', type: 'text/plain' } }),
      },
    },
    async (_, reply) => {
      const { contentType, body } = await metrics()
      return reply.type(contentType).send(body)
    },
  )

  http.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenApi',
        summary: 'This document',
        tags: ['health'],
        security: [],
        response: answers({ 200: { description: 'OpenAPI 3.1.', schema: Type.Object({}) } }),
      },
    },
    async () => http.swagger(),
  )
}
