/**
 * A free port on loopback, outside the range the kernel hands to outgoing connections.
 *
 * So a server that is killed and started again gets its port back: no client's own socket can have taken it meanwhile.
 */
import { randomInt } from 'node:crypto'
import { createConnection, createServer } from 'node:net'

const LOWEST = 20_000
const HIGHEST = 32_000

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = randomInt(LOWEST, HIGHEST)
    if (await canListen(port)) return port
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST}`)
}

/** Whether something takes connections on this port of loopback. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      answer(true)
    })
    socket.once('error', () => answer(false))
  })
}

function canListen(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer()
    server.once('error', () => answer(false))
    server.listen(port, '127.0.0.1', () => server.close(() => answer(true)))
  })
}
