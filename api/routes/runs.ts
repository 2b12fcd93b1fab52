/** `/v1/runs`: runs as the lookup store has them, their events, and cancelling. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import { AtPosition, atPosition } from '#api/http/at-position.ts'
import { sendEvents } from '#api/http/event-stream.ts'
import { goneOf } from '#api/http/gone.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { defaulted, takes } from '#api/http/validate.ts'
import { Failure } from '#processors/ports/failure.ts'
import { findRun } from '#processors/runs/find-run.query.ts'
import { followRun } from '#processors/runs/follow-run.query.ts'
import { getRun, listRuns, placesOf } from '#processors/runs/runs.query.ts'
import { formatToken } from '#schemas/position.ts'
import { Cancelled, Run, RunEvents, RunPage, runOutcomes, runStatuses } from './run-schemas.ts'
import { storeOf } from './store-of.ts'

const RunId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) })

export const runRoutes: AddRoutes = (http, opened) => {
  const { lattice, tasks } = opened
  const { log, clock } = lattice.given
  const { feed, codec } = lattice
  const lookup = () => storeOf(opened, 'lookup')
  const view = () => ({ store: lookup(), log, topics: ['runs.v1'] as const })
  const ports = () => ({ store: lookup(), log, feed, clock })
  for (const schema of [RunPage, Run, RunEvents, Cancelled]) http.addSchema(schema)

  http.get(
    '/v1/runs',
    {
      schema: {
        operationId: 'listRuns',
        summary: 'List runs, newest first',
        tags: ['runs'],
        querystring: Type.Object(
          {
            limit: defaulted(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
            cursor: Type.Optional(
              Type.String({ minLength: 1, maxLength: 512, description: '`next` of the page before.' }),
            ),
            status: Type.Optional(Type.Enum([...runStatuses])),
            outcome: Type.Optional(Type.Enum([...runOutcomes])),
            kind: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
            ...AtPosition,
          },
          { additionalProperties: false },
        ),
        response: answers(
          { 200: { description: 'A page of runs.', schema: RunPage, headers: ['x-lattice-position'] } },
          ...codesOf.read,
        ),
      },
    },
    async (request, reply) => {
      await atPosition(request, reply, view())
      return lookup().query((tables) => listRuns(tables, request.query))
    },
  )

  http.get(
    '/v1/runs/:id',
    {
      schema: {
        operationId: 'getRun',
        summary: 'One run',
        description: 'A run that was accepted a moment ago is found, by whichever process it was accepted.',
        tags: ['runs'],
        params: RunId,
        querystring: Type.Object(AtPosition, { additionalProperties: false }),
        response: answers(
          { 200: { description: 'The run.', schema: Run, headers: ['x-lattice-position'] } },
          ...codesOf.read,
          'run.unknown',
        ),
      },
    },
    async (request, reply) => {
      await atPosition(request, reply, view())
      const { id } = request.params
      return findRun(ports(), id, (tables) => getRun(tables, id))
    },
  )

  http.get(
    '/v1/runs/:id/events',
    {
      schema: {
        operationId: 'getRunEvents',
        summary: "A run's events, from its first on",
        description:
          'With `accept: text/event-stream` they are replayed and followed until the run ends: `id` is the offset, ' +
          '`event` the type, `data` the event. `Last-Event-ID` goes on behind an event; 204 when nothing can follow it.',
        tags: ['runs'],
        params: RunId,
        headers: Type.Object({
          accept: Type.Optional(Type.String()),
          'last-event-id': Type.Optional(
            Type.String({
              pattern: '^\\d{1,15}$',
              description: '`id` of the last event seen.',
              ...takes('the id of an event, a whole number'),
            }),
          ),
        }),
        querystring: Type.Object(AtPosition, { additionalProperties: false }),
        response: answers(
          {
            200: {
              description: 'The events.',
              schema: RunEvents,
              alsoAs: 'text/event-stream',
              headers: ['x-lattice-position'],
            },
            204: { description: 'The run has ended, and no event is behind Last-Event-ID.' },
          },
          ...codesOf.read,
          'run.unknown',
        ),
      },
    },
    async (request, reply) => {
      await atPosition(request, reply, view())
      const { id } = request.params
      const places = await findRun(ports(), id, (tables) => placesOf(tables, id))
      const streamed = request.method === 'GET' && (request.headers.accept ?? '').includes('text/event-stream')
      const reads = { log, codec, feed }
      if (!streamed) {
        const signal = goneOf(request, reply)
        return { events: await Array.fromAsync(followRun(reads, places, { follow: false, signal })) }
      }
      const after = Number(request.headers['last-event-id'] ?? -1)
      if (after >= feed.next(places.partition))
        throw new Failure('request.invalid', 'Last-Event-ID is not one this server gave')
      if (feed.chain(id)?.closed === true && (places.offsets.at(-1) ?? -1) <= after) return reply.code(204).send()
      await sendEvents(request, reply, async function* (signal) {
        for await (const event of followRun(reads, places, { follow: true, after, signal })) {
          yield { id: String(event.position.offset), event: event.type, data: event }
        }
      })
      return reply
    },
  )

  http.delete(
    '/v1/runs/:id',
    {
      schema: {
        operationId: 'cancelRun',
        summary: 'Cancel a run',
        description:
          'Answered once the wish is on the log; a call under way is interrupted. Cancelling twice is cancelling once.',
        tags: ['runs'],
        params: RunId,
        response: answers(
          {
            202: { description: 'The run will end as cancelled.', schema: Cancelled, headers: ['x-lattice-position'] },
          },
          ...codesOf.write,
          'run.unknown',
          'run.closed',
          'position.not-reached',
          'store.locked',
        ),
      },
    },
    async (request, reply) => {
      const { position } = await tasks.cancel(request.params.id, { principal: request.principal })
      const token = formatToken(log.id, [position])
      return reply.code(202).header('x-lattice-position', token).send({ runId: request.params.id, position: token })
    },
  )
}
