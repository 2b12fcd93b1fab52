/**
 * A test's own server, on a free port of this machine.
 *
 * Promise: `close` ends its connections too, and resolves when it is gone; a second time it does nothing.
 */
import type { AddressInfo, Server, Socket } from 'node:net'

export interface Listening extends AsyncDisposable {
  readonly port: number
  /** As of HTTP. */
  readonly origin: string
  close(): Promise<void>
}

export async function listening(server: Server, port = 0): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const { port: taken } = server.address() as AddressInfo
  return { port: taken, origin: `http://127.0.0.1:${taken}`, close, [Symbol.asyncDispose]: close }
}
