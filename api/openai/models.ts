/** `GET /v1/models`: every model that can be named here. */
import { Type } from 'typebox'
import type { AddRoutes } from '#api/http/route.ts'
import { Failure } from '#processors/ports/failure.ts'
import { documentedErrors, sendOpenAiError } from './openai-error.ts'

const Model = Type.Object(
  {
    id: Type.String({ description: 'The name to ask it by: `groq/openai/gpt-oss-20b`, `tier/local_fast`.' }),
    object: Type.Literal('model'),
    created: Type.Integer({ description: 'Not known: 0.' }),
    owned_by: Type.String({ description: 'The provider that answers to it.' }),
  },
  { $id: 'Model' },
)

const Models = Type.Object({ object: Type.Literal('list'), data: Type.Array(Type.Ref('Model')) }, { $id: 'Models' })

const errors = documentedErrors(400, 401, 404, 408, 431, 500, 503)

export const modelRoutes: AddRoutes = (http, { lattice }) => {
  http.addSchema(Model)
  http.addSchema(Models)
  const errorHandler = sendOpenAiError(lattice.given.report)

  async function find(id: string): Promise<object> {
    const model = await lattice.models.find(id)
    if (model !== undefined) return shown(model)
    throw new Failure('model.unknown', 'there is no such model', { remedy: 'GET /v1/models lists them' })
  }

  http.get(
    '/v1/models',
    {
      errorHandler,
      schema: {
        operationId: 'listModels',
        summary: 'Models, as the OpenAI API lists them',
        description: 'What the local servers and the registered providers offer, and the tiers of the settings.',
        tags: ['openai'],
        response: {
          200: { description: 'The models.', content: { 'application/json': { schema: { $ref: 'Models#' } } } },
          ...errors,
        },
      },
    },
    async (_, reply) => reply.send({ object: 'list', data: (await lattice.models.list()).map(shown) }),
  )

  http.get(
    '/v1/models/:id',
    {
      errorHandler,
      schema: {
        operationId: 'getModel',
        summary: 'One model',
        tags: ['openai'],
        params: Type.Object({ id: Type.String({ minLength: 1, description: 'Its name, percent-encoded.' }) }),
        response: {
          200: { description: 'The model.', content: { 'application/json': { schema: { $ref: 'Model#' } } } },
          ...errors,
        },
      },
    },
    async (request, reply) => reply.send(await find(request.params.id)),
  )

  // The name as it is, with its slashes: clients that don't encode it.
  http.get(
    '/v1/models/*',
    { errorHandler, schema: { hide: true, params: Type.Object({ '*': Type.String() }) } },
    async (request, reply) => reply.send(await find(request.params['*'])),
  )
}

function shown({ id, owner }: { id: string; owner: string }): object {
  return { id, object: 'model', created: 0, owned_by: owner }
}
