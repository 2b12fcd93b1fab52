/**
 * The floor: fastify and undici passing a chat on, body for body, and nothing else: no parsing, no log, no retry.
 *
 *     node bare-proxy-main.ts <origin of the upstream>
 */
import fastify from 'fastify'
import { Pool } from 'undici'
import { endWithOwner, listening } from './child.ts'

const upstream = new Pool(process.argv[2] ?? '', { connections: 256 })
const http = fastify({ logger: false })
http.removeAllContentTypeParsers()
http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
http.post('/v1/chat/completions', async (request, reply) => {
  const answer = await upstream.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json' },
    body: request.body as Buffer,
  })
  const type = answer.headers['content-type'] as string
  void reply.code(answer.statusCode).header('content-type', type)
  if (type.startsWith('text/event-stream')) return reply.send(answer.body)
  return reply.send(Buffer.from(await answer.body.arrayBuffer()))
})
await http.ready()
listening(http.server, 0)
endWithOwner()
