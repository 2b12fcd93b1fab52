/** `GET /v1/search`: passages of documents for a question. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import { AtPosition, atPosition } from '#api/http/at-position.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { defaulted } from '#api/http/validate.ts'
import { search } from '#processors/search/search.query.ts'
import { storeOf } from './store-of.ts'

const Hits = Type.Object(
  {
    corpora: Type.Array(Type.String()),
    hits: Type.Array(
      Type.Object({
        chunk: Type.String({ description: '<document>:<ordinal>' }),
        document: Type.String(),
        path: Type.String(),
        heading: Type.String(),
        text: Type.String(),
        rank: Type.Integer({ minimum: 1 }),
        score: Type.Number({ minimum: 0, maximum: 1, description: 'How much of the question it covers.' }),
        relevant: Type.Boolean({ description: 'Whether a task would get it.' }),
      }),
    ),
  },
  { $id: 'SearchHits' },
)

export const searchRoutes: AddRoutes = (http, opened) => {
  const { tasks, lattice } = opened
  const { log, settings } = lattice.given
  http.addSchema(Hits)
  http.get(
    '/v1/search',
    {
      schema: {
        operationId: 'search',
        summary: 'Search documents',
        tags: ['documents'],
        querystring: Type.Object(
          {
            q: Type.String({ minLength: 1, maxLength: 1000, description: 'The question.' }),
            corpus: Type.Optional(
              Type.String({
                minLength: 1,
                maxLength: 64,
                description: "Default: the corpus of the server's own folder.",
              }),
            ),
            k: defaulted(Type.Integer({ minimum: 1, maximum: 50, default: 5, description: 'Passages at most.' })),
            ...AtPosition,
          },
          { additionalProperties: false },
        ),
        response: answers(
          { 200: { description: 'Passages, best first.', schema: Hits, headers: ['x-lattice-position'] } },
          ...codesOf.read,
        ),
      },
    },
    async (request, reply) => {
      const store = storeOf(opened, 'search')
      await atPosition(request, reply, { store, log, topics: ['documents.v1'] })
      const { q: query, corpus, k } = request.query
      const corpora = corpus === undefined ? await tasks.corpora() : [corpus]
      const threshold = settings.retrieval?.threshold ?? 0
      return { corpora, hits: await store.query((tables) => search(tables, { query, corpora, k, threshold })) }
    },
  )
}
