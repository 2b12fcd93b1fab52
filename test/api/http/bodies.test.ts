/** Many large bodies at once, over real sockets. */
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { head, raw } from './raw.ts'
import { serving } from './serving.ts'
import type { Serving } from './serving.ts'

const mb = 1024 * 1024
let server: Serving
const slow: Socket[] = []
beforeAll(async () => {
  server = await serving({ worker: false, stores: ['lookup'], http: { mostBodyBytes: 66 * mb } })
})
afterAll(() => server.close())
afterEach(() => {
  for (const socket of slow.splice(0)) socket.destroy()
})

const start = (...lines: string[]): string =>
  head('POST /v1/tasks HTTP/1.1', 'content-type: application/json', ...lines).replace('connection: close\r\n', '')

/** Announces a body and never sends it whole. */
async function begin(...lines: string[]): Promise<void> {
  const socket = connect(server.port, '127.0.0.1')
  slow.push(socket)
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.write(`${start(...lines)}{`, () => resolve()))
}

test.for(['content-length: 33000000', 'transfer-encoding: chunked'])(
  'more than may be under way is told to ask again (%s), small ones are taken, and it passes',
  async (line) => {
    await begin(line)
    await begin(line)
    const large = { prompt: 'a'.repeat(5 * mb), retrieval: false }
    const refused = await eventually('it is refused', async () => {
      const answer = await server.ask('/v1/tasks', { method: 'POST', body: large })
      return answer.status === 503 ? answer : undefined
    })
    expect(refused).toMatchObject({ status: 503, code: 'server.busy' })
    expect(refused.headers.get('retry-after')).toBe('1')
    const small = await server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p', retrieval: false } })
    expect(small.status).toBe(202)
    for (const socket of slow.splice(0)) socket.destroy()
    await eventually('there is room', async () => {
      const { status } = await server.ask('/v1/tasks', { method: 'POST', body: large })
      return status === 202
    })
  },
)

test('a body that says it is larger than any may be is refused for that, and takes no room', async () => {
  for (let index = 0; index < 10; index += 1) {
    const answer = await raw(
      server.port,
      head('POST /v1/tasks HTTP/1.1', 'content-type: application/json', 'content-length: 99999999999'),
    )
    expect(answer.status).toBe(413)
  }
})
