/** `GET /v1/objects/:sha256`: what was too large for a record. */
import { Type } from 'typebox'
import { answers, codesOf } from '#api/http/answers.ts'
import type { AddRoutes } from '#api/http/route.ts'
import { takes } from '#api/http/validate.ts'

export const objectRoutes: AddRoutes = (http, { lattice }) => {
  http.get(
    '/v1/objects/:sha256',
    {
      schema: {
        operationId: 'getObject',
        summary: 'A value that stands beside the log',
        description:
          'Where an event or a run shows {sha256, sizeBytes}: its bytes. Prompts and answers are UTF-8 text.',
        tags: ['runs'],
        params: Type.Object({
          sha256: Type.String({ pattern: '^[0-9a-f]{64}$', ...takes('a SHA-256, 64 characters 0-9 and a-f') }),
        }),
        response: answers(
          { 200: { description: 'The bytes.', type: 'application/octet-stream' } },
          ...codesOf.read,
          'object.missing',
        ),
      },
    },
    async (request, reply) => {
      const bytes = await lattice.given.objects.get(request.params.sha256)
      return reply
        .headers({ etag: `"${request.params.sha256}"`, 'cache-control': 'private, max-age=31536000, immutable' })
        .type('application/octet-stream')
        .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    },
  )
}
