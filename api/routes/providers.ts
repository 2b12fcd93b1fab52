/** `GET /v1/chat/providers`: who can be asked, and how they are. */
import { Type } from 'typebox'
import { answers } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'

const Detail = Type.Object({
  registered: Type.Boolean({ description: 'Whether it can be asked: it has its key, or needs none.' }),
  missing: Type.String({ description: 'What is missing, in words; empty when it is registered.' }),
  local: Type.Boolean({ description: 'Runs on the machine of this server.' }),
  url: Type.String({ description: 'Where it is asked; empty when it is not registered.' }),
  defaultModel: Type.String(),
  breaker: Type.Enum(['closed', 'open', 'trying'], {
    description: '`open`: left alone after failures in a row; `trying`: one call finds out whether it is back.',
  }),
  restMs: Type.Integer({ minimum: 0, description: 'For how long it is left alone.' }),
  answers: Type.Boolean({ description: 'Whether it answered just now.' }),
  health: Type.String({ description: 'Its version or number of models, or what went wrong.' }),
})

const Providers = Type.Record(Type.String(), Type.Union([Type.Boolean(), Detail]), {
  $id: 'Providers',
  description: 'By name.',
})

export const providerRoutes: AddRoutes = (http, { lattice }) => {
  http.addSchema(Providers)
  http.get(
    '/v1/chat/providers',
    {
      schema: {
        operationId: 'listProviders',
        summary: 'Which model providers are registered',
        description:
          'A provider without its key is not registered: a model of it is answered 404, with what is missing.',
        tags: ['models'],
        querystring: Type.Object(
          {
            detail: Type.Optional(
              Type.Enum(['0', '1'], { description: '`1`: each one is asked now how it is, and more is told of it.' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: answers({ 200: { description: 'Name → registered, or its details.', schema: Providers } }),
      },
    },
    async ({ query }) => (query.detail === '1' ? lattice.models.providers() : lattice.models.registered()),
  )
}
