/** A client of a stream that takes nothing of it, over a real socket. */
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { openEventStream } from '#api/openai/openai-stream.ts'

const data = JSON.stringify({ text: 'x'.repeat(64 * 1024) })
const events = 400

/** A server whose every answer is a stream of 25 MiB at once; the promise is that of the answer's end. */
async function streaming(graceMs: number): Promise<{ port: number; ended: Promise<boolean>; close(): Promise<void> }> {
  const http = fastify()
  const { promise: ended, resolve } = Promise.withResolvers<boolean>()
  http.get('/', (_, reply) => {
    const stream = openEventStream(reply, { unsentBytes: 1024 * 1024, graceMs })
    reply.raw.once('close', () => resolve(reply.raw.writableFinished))
    for (let sent = 0; sent < events; sent++) stream.send(data)
    stream.end()
  })
  await http.listen({ host: '127.0.0.1', port: 0 })
  return { port: (http.server.address() as AddressInfo).port, ended, close: () => http.close() }
}

test('a client that reads nothing is cut off, and nothing more is held for it', async () => {
  const server = await streaming(50)
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n')
  expect(await server.ended).toBe(false)
  socket.destroy()
  await server.close()
})

test('a client that reads gets all of an answer, however much comes at once', async () => {
  const server = await streaming(10_000)
  const text = await (await fetch(`http://127.0.0.1:${server.port}/`)).text()
  expect(text.length).toBe(events * (data.length + 'data: \n\n'.length) + 'data: [DONE]\n\n'.length)
  expect(await server.ended).toBe(true)
  await server.close()
})
