/** `POST /v1/sql`: anybody's SELECT over the warehouse. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import { AtPosition } from '#api/http/at-position.ts'
import { goneOf } from '#api/http/gone.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { reachPosition } from '#processors/stores/reach-position.query.ts'
import { formatToken, parseToken } from '#schemas/position.ts'
import { topicNames } from '#schemas/topics.ts'
import { storeOf } from './store-of.ts'

const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])

const Query = Type.Object(
  {
    sql: Type.String({ minLength: 1, maxLength: 100_000, description: "One SELECT, in DuckDB's SQL." }),
    values: Type.Optional(Type.Array(Value, { maxItems: 1000, description: 'For `?` or `$1`, in order.' })),
    maxRows: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: 'Default 10,000.' })),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000, description: 'Default 30,000.' })),
  },
  { additionalProperties: false },
)

const Rows = Type.Object(
  {
    columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String({ description: 'VARCHAR, BIGINT, …' }) })),
    rows: Type.Array(Type.Array(Type.Unknown()), {
      description: 'Times as ISO 8601, bytes as base64, a whole number beyond 2^53 as text.',
    }),
    truncated: Type.Boolean({ description: 'Whether there were more rows.' }),
  },
  { $id: 'SqlRows' },
)

export const sqlRoutes: AddRoutes = (http, opened) => {
  const { sql, given } = opened.lattice
  http.addSchema(Rows)
  http.post(
    '/v1/sql',
    {
      schema: {
        operationId: 'querySql',
        summary: 'Ask the warehouse in SQL',
        description:
          'One table an event type (`attempt_completed`), `events` over all, and views. It runs locked down, on a ' +
          'snapshot of the position in x-lattice-position.',
        tags: ['analysis'],
        querystring: Type.Object(AtPosition, { additionalProperties: false }),
        body: Query,
        response: answers(
          { 200: { description: 'The rows.', schema: Rows, headers: ['x-lattice-position'] } },
          ...codesOf.body,
          ...codesOf.read,
          'query.stopped',
        ),
      },
    },
    async (request, reply) => {
      const signal = goneOf(request, reply)
      const { at, wait } = request.query
      const store = storeOf(opened, 'warehouse')
      if (at !== undefined)
        await reachPosition({ store, log: given.log, topics: topicNames }, at, { waitMs: wait, signal })
      const { sql: text, values = [], maxRows = 10_000, timeoutMs = 30_000 } = request.body
      const from = at === undefined ? [] : (parseToken(at)?.positions ?? [])
      const { columns, rows, truncated, checkpoints } = await sql.ask(text, {
        values,
        maxRows,
        timeoutMs,
        signal,
        from,
      })
      const positions = checkpoints
        .filter(({ next }) => next > 0)
        .map(({ topic, partition, next }) => ({ topic, partition, offset: next - 1 }))
      if (positions.length > 0) void reply.header('x-lattice-position', formatToken(given.log.id, positions))
      return { columns, rows: rows.map((row) => row.map(asJson)), truncated }
    },
  )
}

function asJson(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, asJson(part)]))
}
