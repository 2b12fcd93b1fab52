/** A server that closes although its clients keep their connections. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { watchConnections } from '#api/http/connections.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { listening } from '#test/fakes/listening.ts'

/** A server whose answers are held back until they are let go. */
async function holding(graceMs: number, stalledMs = 60_000) {
  const held: ServerResponse[] = []
  const server = createServer({ keepAliveTimeout: 60_000 }, (_, response) => void held.push(response))
  const connections = watchConnections(server, { graceMs, stalledMs })
  const { port } = await listening(server)
  const closed = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      connections.end()
    })
  return { server, held, closed, port }
}

function client(port: number, text: string): { socket: Socket; received(): string; gone: Promise<void> } {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (bytes) => (received += bytes.toString()))
  socket.on('error', () => {})
  socket.write(text)
  return { socket, received: () => received, gone: new Promise((resolve) => socket.once('close', () => resolve())) }
}

const request = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
const open = (server: Server): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  )

test('a connection that never asked anything, and one whose answers are done, are closed at once', async () => {
  const { server, held, closed, port } = await holding(60_000)
  const silent = client(port, '')
  const done = client(port, request)
  await eventually('a request', () => held.length === 1)
  held[0]?.end('answer')
  await eventually('its answer', () => done.received().includes('answer'))
  expect(await open(server)).toBe(2)
  const began = performance.now()
  await closed()
  expect(performance.now() - began).toBeLessThan(1000)
  await Promise.all([silent.gone, done.gone])
})

test('an answer under way is finished, and its connection closed then', async () => {
  const { held, closed, port } = await holding(60_000)
  const asking = client(port, request)
  await eventually('a request', () => held.length === 1)
  const closing = closed()
  held[0]?.end('answer')
  await closing
  await asking.gone
  expect(asking.received()).toContain('answer')
})

test('what does not end in time is cut', async () => {
  const { held, closed, port } = await holding(50)
  const asking = client(port, request)
  await eventually('a request', () => held.length === 1)
  await closed()
  await asking.gone
  expect(asking.received()).toBe('')
})

test('a client that reads nothing of its answer is cut off; one that waits for a slow answer is not', async () => {
  const { server, held, closed, port } = await holding(1000, 100)
  const stalled = client(port, '')
  stalled.socket.pause()
  stalled.socket.write(request)
  await eventually('a request', () => held.length === 1)
  let cut = false
  held[0]?.once('close', () => (cut = true))
  // More than the system keeps for who doesn't read.
  held[0]?.write(Buffer.alloc(32 * 1024 * 1024))
  const patient = client(port, request)
  await eventually('another request', () => held.length === 2)
  await eventually('the end of the one that does not read', () => cut)
  let rang = 0
  server.on('timeout', () => rang++)
  await eventually('a wait of more than twice that time', () => rang >= 2)
  held[1]?.end('late answer')
  await eventually('the late answer', () => patient.received().includes('late answer'))
  stalled.socket.destroy()
  await closed()
})
