import { Type } from 'typebox'
import type { AddRoutes } from './routes.ts'

/** `/health`: the process lives. `/ready`: it can serve. `/metrics`: Prometheus. */
export const healthRoutes: AddRoutes = (http, { lattice }, { metrics }) => {
  http.get(
    '/health',
    { schema: { summary: 'Whether the process lives', tags: ['health'], response: { 200: Type.Object({ status: Type.Literal('ok') }) } } },
    async () => ({ status: 'ok' as const }),
  )
  http.get('/ready', { schema: { summary: 'Whether it can serve', tags: ['health'] } }, async (_, reply) => {
    const stores = lattice.owned.map((store) => store.status())
    const ready = stores.every(({ state }) => state === 'folding')
    const { id, backend, durability } = lattice.given.log
    return reply.code(ready ? 200 : 503).send({ ready, log: { id, backend, durability }, stores })
  })
  http.get('/metrics', { schema: { summary: 'Prometheus metrics', tags: ['health'] } }, async (_, reply) => {
    const { contentType, body } = await metrics()
    return reply.type(contentType).send(body)
  })
}
