/** `POST /v1/documents`: one document onto the log. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { takes } from '#api/http/validate.ts'
import { ingestDocument } from '#processors/documents/ingest-document.command.ts'
import { formatToken } from '#schemas/position.ts'
import { storeOf } from './store-of.ts'

const Document = Type.Object(
  {
    corpus: Type.String({
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      description: 'The collection; tasks name it in `corpora`.',
      ...takes('1 to 64 of the characters a-z, A-Z, 0-9, dot, dash and underscore'),
    }),
    path: Type.String({
      pattern:
        '^(?!\\.{1,2}(/|$))[^/\\\\\\u0000-\\u001f\\u007f-\\u009f]+(/(?!\\.{1,2}(/|$))[^/\\\\\\u0000-\\u001f\\u007f-\\u009f]+)*$',
      maxLength: 512,
      description: "Relative, '/'-separated; names the document in its corpus.",
      ...takes(
        "a relative path of at most 512 characters, its parts separated by '/', without '.', '..' and control characters",
      ),
    }),
    content: Type.String({ minLength: 1, pattern: '\\S', description: 'Text.', ...takes('a text that is not empty') }),
    mediaType: Type.Optional(Type.Enum(['text/markdown', 'text/plain'], { description: 'By the path otherwise.' })),
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'The first heading otherwise.' })),
  },
  { additionalProperties: false },
)

const Ingested = Type.Object(
  {
    document: Type.String({ description: 'Id: the same corpus and path have the same one.' }),
    contentHash: Type.String({ description: 'SHA-256 of the content.' }),
    unchanged: Type.Boolean({ description: 'It was there just so; nothing was written.' }),
    position: Type.String(),
  },
  { $id: 'IngestedDocument' },
)

export const documentRoutes: AddRoutes = (http, opened) => {
  const { journal, given } = opened.lattice
  http.addSchema(Ingested)
  http.post(
    '/v1/documents',
    {
      schema: {
        operationId: 'ingestDocument',
        summary: 'Ingest a document',
        description:
          'Replaces what has the same corpus and path. Give the position to GET /v1/search to find it at once.',
        tags: ['documents'],
        body: Document,
        response: answers(
          { 202: { description: 'On the log.', schema: Ingested, headers: ['x-lattice-position'] } },
          ...codesOf.body,
          ...codesOf.write,
          'store.locked',
          'position.not-reached',
        ),
      },
    },
    async (request, reply) => {
      const ports = { journal, log: given.log, store: storeOf(opened, 'search') }
      const { position, ...ingested } = await ingestDocument(ports, request.body)
      const token = formatToken(given.log.id, [position])
      return reply
        .code(202)
        .header('x-lattice-position', token)
        .send({ ...ingested, position: token })
    },
  )
}
