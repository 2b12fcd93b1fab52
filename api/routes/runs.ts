import { Type } from 'typebox'
import { AtPosition, waitFor } from '#api/http/at-position.ts'
import { sendEvents } from '#api/http/event-stream.ts'
import type { ServerSentEvent } from '#api/http/event-stream.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import { Failure } from '#processors/ports/failure.ts'
import { followRun } from '#processors/runs/follow-run.query.ts'
import { getRun, listRuns, placesOf } from '#processors/runs/runs.query.ts'
import { formatToken } from '#schemas/position.ts'
import type { Opened } from '#api/opened.ts'
import type { AddRoutes } from './routes.ts'

const problems = { '4xx': { $ref: 'Problem#' }, '5xx': { $ref: 'Problem#' } } as const
const RunId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) })
const lookupTopics = ['runs.v1'] as const

/** `/v1/runs`: runs as the lookup store has them, their events, and cancelling. */
export const runRoutes: AddRoutes = (http, opened) => {
  const { lattice, tasks } = opened
  const log = lattice.given.log
  const positions = { logId: log.id, topics: lookupTopics, partitions: (topic: 'runs.v1') => log.partitions(topic) }

  http.get(
    '/v1/runs',
    {
      schema: {
        summary: 'List runs, newest first',
        tags: ['runs'],
        querystring: Type.Object(
          {
            limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
            cursor: Type.Optional(Type.String({ maxLength: 512 })),
            status: Type.Optional(Type.Enum(['queued', 'running', 'done'])),
            outcome: Type.Optional(Type.Enum(['accepted', 'rejected', 'failed', 'cancelled', 'abandoned'])),
            kind: Type.Optional(Type.String({ maxLength: 64 })),
            ...AtPosition,
          },
          { additionalProperties: false },
        ),
        response: problems,
      },
    },
    async (request) => {
      const store = lookupOf(opened)
      await waitFor(store, request.query, positions as never)
      return store.query((tables) => listRuns(tables, request.query))
    },
  )

  http.get(
    '/v1/runs/:id',
    {
      schema: {
        summary: 'One run',
        tags: ['runs'],
        params: RunId,
        querystring: Type.Object(AtPosition, { additionalProperties: false }),
        response: problems,
      },
    },
    async (request, reply) => {
      const store = lookupOf(opened)
      await waitFor(store, request.query, positions as never)
      const run = await store.query((tables) => getRun(tables, request.params.id))
      if (run === undefined) throw new Failure('run.unknown', `there is no run ${request.params.id}`)
      return reply.send(run)
    },
  )

  http.get(
    '/v1/runs/:id/events',
    {
      schema: {
        summary: "A run's events: JSON, or server-sent events that replay from the start and follow",
        tags: ['runs'],
        params: RunId,
        headers: Type.Object({ accept: Type.Optional(Type.String()), 'last-event-id': Type.Optional(Type.String({ maxLength: 32 })) }),
        querystring: Type.Object(AtPosition, { additionalProperties: false }),
        response: problems,
      },
    },
    async (request, reply) => {
      const store = lookupOf(opened)
      await waitFor(store, request.query, positions as never)
      const places = await store.query((tables) => placesOf(tables, request.params.id))
      if (places === undefined) throw new Failure('run.unknown', `there is no run ${request.params.id}`)
      const ports = { log, codec: lattice.codec, feed: lattice.feed }
      const run = { runId: request.params.id, ...places }
      if (!(request.headers.accept ?? '').includes('text/event-stream')) {
        const signal = new AbortController().signal
        const events = await Array.fromAsync(followRun(ports, run, { follow: false, signal }))
        return reply.send({ events: events.map(asView) })
      }
      const after = Number(request.headers['last-event-id'] ?? -1)
      if (!Number.isSafeInteger(after)) throw new Failure('request.invalid', 'Last-Event-ID is not one this server gave')
      await sendEvents(request, reply, async function* (signal): AsyncGenerator<ServerSentEvent> {
        for await (const event of followRun(ports, run, { follow: true, after, signal })) {
          yield { id: String(event.position.offset), event: event.type, data: asView(event) }
        }
      })
      return reply
    },
  )

  http.delete(
    '/v1/runs/:id',
    {
      schema: {
        summary: 'Cancel a run',
        tags: ['runs'],
        params: RunId,
        response: { 202: Type.Object({ runId: Type.String(), position: Type.String() }), ...problems },
      },
    },
    async (request, reply) => {
      const { position } = await tasks.cancel(request.params.id, { principal: request.principal })
      const token = formatToken(log.id, [position])
      return reply.code(202).header('x-lattice-position', token).send({ runId: request.params.id, position: token })
    },
  )
}

function lookupOf({ lattice }: Opened): NonNullable<Opened['lattice']['stores']['lookup']> {
  const { lookup } = lattice.stores
  if (lookup === undefined) throw new Failure('store.unknown', 'this process has no lookup store')
  return lookup
}

function asView({ type, data, envelope, position }: AnyStoredEvent): unknown {
  return { ...envelope, type, position, data }
}
