/** `POST /v1/chat`: one question, one answer, with the run that gave it. */
import { Type } from 'typebox'
import { answerHeaders, askerHeaders, askerOf } from '#api/openai/asker.ts'
import { Message } from '#api/openai/chat-message.ts'
import { documentedErrors, errorStatuses, sendFailure, sendOpenAiError } from '#api/openai/openai-error.ts'
import { failureOf } from '#api/openai/run-failure.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { formatToken } from '#schemas/position.ts'

const Body = Type.Object(
  {
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'Default: lattice/default.' })),
    provider: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: "`model` is then that provider's own name for it." }),
    ),
    messages: Type.Array(Message, { minItems: 1, maxItems: 10_000 }),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, description: 'Left out where it is not set.' })),
    max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    stop: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 16 })])),
    seed: Type.Optional(Type.Integer()),
    response_format: Type.Optional(Type.Object({}, { additionalProperties: true })),
    reasoning_effort: Type.Optional(Type.String({ maxLength: 32 })),
  },
  { additionalProperties: false },
)

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()])

const Answered = Type.Object(
  {
    model: Type.String(),
    provider: Type.String(),
    content: Type.String(),
    finish_reason: nullable(Type.String()),
    usage: nullable(
      Type.Object({
        prompt_tokens: Type.Integer(),
        completion_tokens: Type.Integer(),
        total_tokens: Type.Integer(),
      }),
    ),
    run_id: Type.String(),
  },
  { $id: 'ChatAnswer' },
)

export const chatRoutes: AddRoutes = (http, { gateway, lattice }) => {
  http.addSchema(Answered)
  http.post(
    '/v1/chat',
    {
      errorHandler: sendOpenAiError(lattice.given.report),
      schema: {
        operationId: 'chat',
        summary: 'Ask a model',
        description: 'Dispatched by the name of the model. Errors are in the form of the OpenAI API.',
        tags: ['models'],
        headers: askerHeaders,
        body: Body,
        response: {
          200: {
            description: 'The answer.',
            headers: answerHeaders,
            content: { 'application/json': { schema: { $ref: 'ChatAnswer#' } } },
          },
          ...documentedErrors(...errorStatuses),
        },
      },
    },
    async (request, reply) => {
      const { model, provider, messages, ...parameters } = request.body
      const asker = askerOf(request, reply)
      const result = await gateway.chat({ model, provider, messages, parameters }, { ...asker, route: 'POST /v1/chat' })
      void reply.header('x-request-id', result.runId)
      if (result.is === 'failed') return sendFailure(reply, failureOf(result, { model, provider, gone: asker.gone }))
      const { answer, runId, position, repeated } = result
      if (repeated === true) void reply.header('idempotency-replayed', 'true')
      const { content, finishReason, promptTokens, completionTokens } = answer
      return reply.header('x-lattice-position', formatToken(lattice.journal.logId, [position])).send({
        model: result.model,
        provider: result.provider,
        content,
        finish_reason: finishReason ?? null,
        usage:
          promptTokens === undefined || completionTokens === undefined
            ? null
            : {
                prompt_tokens: promptTokens,
                completion_tokens: completionTokens,
                total_tokens: promptTokens + completionTokens,
              },
        run_id: runId,
      })
    },
  )
}
