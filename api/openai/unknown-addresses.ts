/** What of OpenAI's API is not here: an error its clients show, where the server's own would be a problem document. */
import type { AddRoutes } from '#api/http/route.ts'
import { HttpProblem } from '#api/http/problem.ts'
import { sendOpenAiError } from './openai-error.ts'

const lacking = [
  'assistants',
  'audio',
  'batches',
  'chat/completions/*',
  'completions',
  'conversations',
  'containers',
  'embeddings/*',
  'evals',
  'files',
  'fine_tuning',
  'images',
  'moderations',
  'realtime',
  'responses',
  'threads',
  'uploads',
  'vector_stores',
  'videos',
]

export const unknownOpenAiRoutes: AddRoutes = (http, { lattice }) => {
  const errorHandler = sendOpenAiError(lattice.given.report)
  for (const name of lacking) {
    for (const url of name.endsWith('/*') ? [`/v1/${name}`] : [`/v1/${name}`, `/v1/${name}/*`]) {
      http.route({
        url,
        method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        errorHandler,
        schema: { hide: true },
        // Before the body is read, which may be a file.
        onRequest: async () => refuse(name),
        handler: async () => refuse(name),
      })
    }
  }
}

function refuse(name: string): never {
  throw new HttpProblem('route.unknown', `there is no /v1/${name.replace('/*', '/…')} here`, {
    remedy:
      'Of the OpenAI API there are /v1/chat/completions, /v1/embeddings and /v1/models; GET /docs shows every address',
  })
}
