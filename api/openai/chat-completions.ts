/** `POST /v1/chat/completions`: OpenAI's chat API over the run machine. */
import { Type } from 'typebox'
import { EventOfStream } from '#api/http/event-schema.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { formatToken } from '#schemas/position.ts'
import { answerHeaders, askerHeaders, askerOf } from './asker.ts'
import { Message } from './chat-message.ts'
import {
  documentedErrors,
  errorStatuses,
  OpenAiError,
  sendFailure,
  sendOpenAiError,
  thrownFailure,
} from './openai-error.ts'
import { openEventStream } from './openai-stream.ts'
import { failureOf } from './run-failure.ts'

const Body = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 256,
      description: '`<provider>/<model>`, `tier/<name>`, `lattice/default`, or a model of local Ollama.',
    }),
    messages: Type.Array(Message, { minItems: 1, maxItems: 10_000 }),
    stream: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  },
  { additionalProperties: true, description: 'Any other field goes to the model as it is.' },
)

const Completion = Type.Object(
  {},
  { $id: 'ChatCompletion', additionalProperties: true, description: "The model server's chat completion, as it came." },
)

export const chatCompletionRoutes: AddRoutes = (http, { gateway, lattice }) => {
  const thrown = thrownFailure(lattice.given.report)
  http.addSchema(OpenAiError)
  http.addSchema(Completion)
  http.post(
    '/v1/chat/completions',
    {
      errorHandler: sendOpenAiError(lattice.given.report),
      schema: {
        operationId: 'createChatCompletion',
        summary: 'Chat, as the OpenAI API has it',
        description:
          'Retries and other providers are tried until the first byte of an answer has left. Each call is an event of ' +
          'the run that `x-request-id` names.',
        tags: ['openai'],
        headers: askerHeaders,
        body: Body,
        response: {
          200: {
            description: 'The answer; with `stream`, its chunks as server-sent events.',
            headers: answerHeaders,
            content: {
              'application/json': { schema: { $ref: 'ChatCompletion#' } },
              'text/event-stream': { schema: EventOfStream },
            },
          },
          ...documentedErrors(...errorStatuses),
        },
      },
    },
    async (request, reply) => {
      const { model, messages, stream, ...parameters } = request.body
      const asker = askerOf(request, reply)
      const events = stream === true ? openEventStream(reply) : undefined
      const asked = gateway.chat(
        { model, messages, parameters },
        {
          ...asker,
          route: 'POST /v1/chat/completions',
          onEvent: events?.send,
          onRun(runId, repeated) {
            void reply.header('x-request-id', runId)
            if (repeated) void reply.header('idempotency-replayed', 'true')
          },
        },
      )
      const result = await asked.catch((error: unknown) => {
        // Nobody else answers once the stream has begun.
        if (events?.begun !== true) throw error
        events.fail(thrown(error, request))
      })
      if (result === undefined) return reply
      if (result.is === 'failed') {
        const failure = failureOf(result, { model, gone: asker.gone })
        return events?.begun === true ? events.fail(failure) : sendFailure(reply, failure)
      }
      if (events?.begun === true) return events.end()
      const { answer, runId, position } = result
      void reply.headers({
        'x-request-id': runId,
        'x-lattice-position': formatToken(lattice.journal.logId, [position]),
      })
      return reply.type('application/json').send(answer.completion ?? answer.raw)
    },
  )
}
