/** Streams to clients that read nothing, and to very many at once, over real sockets. */
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { serving } from './serving.ts'
import type { Serving } from './serving.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

function ask({ port }: Serving, line: string, body?: unknown): Socket {
  const text = body === undefined ? '' : JSON.stringify(body)
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => {})
  const type = text === '' ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(text)}`]
  socket.write([line, 'host: 127.0.0.1', 'accept: text/event-stream', ...type, '', text].join('\r\n'))
  return socket
}

const connections = ({ http }: Serving): Promise<number> =>
  new Promise((resolve, reject) =>
    http.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  )

test('a client that reads nothing of its stream is cut off, and what was kept for it is let go', async () => {
  const patience = { headersMs: 15_000, requestMs: 120_000, lookEveryMs: 5_000, stalledMs: 3_000 }
  await using server = await serving({ http: { patience }, stores: ['lookup'], worker: false })
  server.models.answerWith('x'.repeat(12 * 1024 * 1024))
  const deaf = ask(server, 'POST /v1/iterate HTTP/1.1', { kind: 'answered', prompt: 'p', provider: 'openai' })
  deaf.pause()
  const reading = ask(server, 'POST /v1/iterate HTTP/1.1', { kind: 'answered', prompt: 'p', provider: 'openai' })
  let text = ''
  reading.on('data', (bytes: Buffer) => (text = (text + bytes.toString('latin1')).slice(-1000)))
  await eventually('both were asked', () => server.models.callCount === 2)
  await eventually('who reads has the result', () => text.includes('"trace_id"'))
  await eventually('the other is cut off', async () => (await connections(server)) <= 1)
  expect(deaf.bytesRead).toBeLessThan(2 * 12 * 1024 * 1024)
  expect((await server.ask('/health')).status).toBe(200)
}, 60_000)

test('2,000 streams at once cost little each, all are told, and one that reads nothing holds up none', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await using server = await serving({ stores: ['lookup'], worker: false })
  const submitted = await server.ask('/v1/tasks', { method: 'POST', body: { prompt: 'p', retrieval: false } })
  const runId = (submitted.json as { runId: string }).runId
  collect()
  const before = process.memoryUsage.rss()
  const streams = 2_000
  let begun = 0
  let told = 0
  for (let index = 0; index < streams; index += 1) {
    const socket = ask(server, `GET /v1/runs/${runId}/events HTTP/1.1`)
    if (index % 10 === 0) {
      socket.pause()
      continue
    }
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      const had = text
      text += bytes.toString()
      if (!had.includes('task.submitted') && text.includes('task.submitted')) begun += 1
      if (!had.includes('task.cancelled') && text.includes('task.cancelled')) told += 1
    })
    // Not more at a time than a system takes connections.
    if (index % 100 === 99) await eventually('they have begun', () => begun >= (index + 1) * 0.9 - 1)
  }
  await eventually('all have begun', () => begun === streams * 0.9)
  collect()
  // Both ends are in this process.
  expect(process.memoryUsage.rss() - before).toBeLessThan(300 * 1024 * 1024)
  expect((await server.ask(`/v1/runs/${runId}`, { method: 'DELETE' })).status).toBe(202)
  await eventually('all are told', () => told === streams * 0.9)
  expect((await server.ask('/health')).status).toBe(200)
}, 120_000)
