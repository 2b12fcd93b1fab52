/**
 * A TCP proxy to a real server that loses replies: the request arrives, the server acts, the answer never comes back.
 *
 * Promise: when `cutWhen` picks a request, every byte of it has gone to the server and the server has begun to answer
 * before the client's connection is reset; no byte of that answer reaches the client.
 */
import { type Socket, createConnection, createServer } from 'node:net'

export interface CuttingProxy {
  readonly host: string
  readonly port: number
  /** Looks at each chunk a client sends; true loses the answer to it and resets that connection. */
  cutWhen: (bytes: Buffer) => boolean
  /** How many connections were cut so far. */
  readonly cuts: number
  close(): Promise<void>
}

/** Once the server answers, this long is left for the rest of what it was asked before the connection goes. */
const GRACE_MS = 10

export async function startCuttingProxy(target: {
  readonly host: string
  readonly port: number
}): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let cuts = 0

  const server = createServer((client) => {
    const upstream = createConnection(target)
    let losing = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        if (!losing || socket === upstream) client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes: Buffer) => {
      if (!losing && proxy.cutWhen(bytes)) losing = true
      if (!upstream.write(bytes)) client.pause()
    })
    upstream.on('drain', () => client.resume())
    upstream.on('data', (bytes: Buffer) => {
      if (!losing) {
        if (!client.write(bytes)) upstream.pause()
        return
      }
      if (client.destroyed) return
      client.pause()
      setTimeout(() => {
        if (client.destroyed) return
        cuts += 1
        client.resetAndDestroy()
      }, GRACE_MS)
    })
    client.on('drain', () => upstream.resume())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const proxy: CuttingProxy = {
    host: '127.0.0.1',
    port: address.port,
    cutWhen: () => false,
    get cuts() {
      return cuts
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
  return proxy
}
