/** `POST /v1/embeddings`: OpenAI's embeddings over the run machine. */
import { Type } from 'typebox'
import type { AddRoutes } from '#api/http/route.ts'
import { formatToken } from '#schemas/position.ts'
import { answerHeaders, askerHeaders, askerOf } from './asker.ts'
import { documentedErrors, errorStatuses, sendFailure, sendOpenAiError } from './openai-error.ts'
import { failureOf } from './run-failure.ts'

const Body = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256, description: 'As for a chat.' }),
    input: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.Unknown(), { minItems: 1, maxItems: 2048 })], {
      description: 'A text, texts, or token ids.',
    }),
  },
  { additionalProperties: true, description: 'Any other field goes to the model as it is.' },
)

const Embeddings = Type.Object({}, { $id: 'Embeddings', additionalProperties: true })

export const embeddingRoutes: AddRoutes = (http, { gateway, lattice }) => {
  http.addSchema(Embeddings)
  http.post(
    '/v1/embeddings',
    {
      errorHandler: sendOpenAiError(lattice.given.report),
      schema: {
        operationId: 'createEmbeddings',
        summary: 'Embeddings, as the OpenAI API has them',
        tags: ['openai'],
        headers: askerHeaders,
        body: Body,
        response: {
          200: {
            description: "The model server's answer, as it came.",
            headers: answerHeaders,
            content: { 'application/json': { schema: { $ref: 'Embeddings#' } } },
          },
          ...documentedErrors(...errorStatuses),
        },
      },
    },
    async (request, reply) => {
      const { model, input, ...parameters } = request.body
      const asker = askerOf(request, reply)
      const result = await gateway.embed({ model, input, parameters }, { ...asker, route: 'POST /v1/embeddings' })
      void reply.header('x-request-id', result.runId)
      if (result.is === 'failed') return sendFailure(reply, failureOf(result, { model, gone: asker.gone }))
      if (result.repeated === true) void reply.header('idempotency-replayed', 'true')
      const position = formatToken(lattice.journal.logId, [result.position])
      return reply.header('x-lattice-position', position).type('application/json').send(result.answer.raw)
    },
  )
}
