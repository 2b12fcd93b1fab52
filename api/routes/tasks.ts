import { Type } from 'typebox'
import { formatToken } from '#schemas/position.ts'
import type { AddRoutes } from './routes.ts'

const TaskBody = Type.Object(
  {
    prompt: Type.String({ minLength: 1, description: 'What to do.' }),
    system: Type.Optional(Type.String({ description: 'A system message before the prompt.' })),
    provider: Type.Optional(Type.String({ maxLength: 128 })),
    model: Type.Optional(Type.String({ maxLength: 256 })),
    validator: Type.Optional(Type.String({ maxLength: 128, description: 'What judges the answer: answered (default), json.' })),
    validatorOptions: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
    maxTokens: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    maxAttempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    deadlineMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400_000 })),
    retrieval: Type.Optional(Type.Boolean({ description: 'Attach passages of the corpora; default true.' })),
    corpora: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 16 })),
    k: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
    tags: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 256 }), { maxProperties: 32 })),
  },
  { additionalProperties: false },
)

const Accepted = Type.Object({ runId: Type.String(), position: Type.String({ description: 'Position token of the task.' }) })

/** `POST /v1/tasks`: a task onto the log. */
export const taskRoutes: AddRoutes = (http, { tasks, lattice }) => {
  http.post(
    '/v1/tasks',
    {
      schema: {
        summary: 'Post a task',
        tags: ['tasks'],
        headers: Type.Object({
          'idempotency-key': Type.Optional(
            Type.String({ minLength: 1, maxLength: 255, description: 'The same key and body find the same run.' }),
          ),
        }),
        body: TaskBody,
        response: { 202: Accepted, '4xx': { $ref: 'Problem#' }, '5xx': { $ref: 'Problem#' } },
      },
    },
    async (request, reply) => {
      const idempotencyKey = request.headers['idempotency-key']
      const traceparent = request.headers['traceparent']
      const { runId, position } = await tasks.submit(request.body, {
        principal: request.principal,
        interactive: false,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        ...(typeof traceparent === 'string' ? { traceparent } : {}),
      })
      const token = formatToken(lattice.journal.logId, [position])
      return reply
        .code(202)
        .headers({ location: `/v1/runs/${runId}`, 'x-lattice-position': token })
        .send({ runId, position: token })
    },
  )
}
