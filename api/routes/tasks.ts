/** `POST /v1/tasks`: a task onto the log. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { takes } from '#api/http/validate.ts'
import { traceOf } from '#api/http/trace.ts'
import { formatToken } from '#schemas/position.ts'

const Accepted = Type.Object(
  {
    runId: Type.String(),
    position: Type.String({ description: 'Position token of the task, as in x-lattice-position.' }),
  },
  { $id: 'AcceptedTask' },
)

const bodyOf = (validators: readonly string[]) =>
  Type.Object(
    {
      prompt: Type.String({
        minLength: 1,
        pattern: '\\S',
        description: 'What to do.',
        ...takes('a text that is not empty'),
      }),
      system: Type.Optional(Type.String({ description: 'A system message before the prompt.' })),
      provider: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'The one provider to ask.' })),
      model: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 256,
          description:
            'As in a chat; a name without a prefix is asked of the first provider. With `provider`, its own name.',
        }),
      ),
      validator: Type.Optional(
        Type.Enum([...validators], { description: 'What judges the answer; default: answered.' }),
      ),
      validatorOptions: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), { description: "The validator's own." }),
      ),
      temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
      maxTokens: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Longest answer, in tokens.' }),
      ),
      maxAttempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'Model calls, all together.' })),
      deadlineMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400_000 })),
      retrieval: Type.Optional(Type.Boolean({ description: 'Attach passages of the corpora; default true.' })),
      corpora: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 16 })),
      k: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: 'Passages to look for.' })),
      tags: Type.Optional(
        Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 256 }), { maxProperties: 32 }),
      ),
    },
    { additionalProperties: false },
  )

export const taskRoutes: AddRoutes = (http, { tasks, lattice }) => {
  http.addSchema(Accepted)
  http.post(
    '/v1/tasks',
    {
      schema: {
        operationId: 'submitTask',
        summary: 'Post a task',
        description: 'Answered once the task is on the log. A worker carries it out; follow it by its run id.',
        tags: ['tasks'],
        headers: Type.Object({
          'idempotency-key': Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 255,
              description: 'The same key and body find the same run; another body with it is refused.',
            }),
          ),
        }),
        body: bodyOf(tasks.validators),
        response: answers(
          {
            202: {
              description: 'Accepted.',
              schema: Accepted,
              headers: ['location', 'x-lattice-position', 'idempotency-replayed'],
            },
          },
          ...codesOf.body,
          ...codesOf.write,
          'provider.unconfigured',
          'model.unknown',
          'budget.spent',
          'budget.unpriced',
          'idempotency.conflict',
          'position.not-reached',
        ),
      },
    },
    async (request, reply) => {
      const { 'idempotency-key': idempotencyKey } = request.headers
      const { runId, position, repeated } = await tasks.submit(request.body, {
        principal: request.principal,
        interactive: false,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        ...traceOf(request, reply),
      })
      const token = formatToken(lattice.journal.logId, [position])
      if (repeated) void reply.header('idempotency-replayed', 'true')
      return reply
        .code(202)
        .headers({ location: `/v1/runs/${runId}`, 'x-lattice-position': token })
        .send({ runId, position: token })
    },
  )
}
