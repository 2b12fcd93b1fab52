import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The connections of a server, so that it can close while clients keep theirs open, and who doesn't read holds none.
 *
 * Promise: a client that takes nothing of an answer for `stalledMs` is cut off, and what waits for it freed; one that
 * waits for a slow answer is not. Once `end` is called, a connection without a request is closed at once (also one that
 * never sent any, which `closeIdleConnections` leaves open), one with a request as soon as that is answered, and every
 * other after `graceMs`.
 */
export function watchConnections(
  server: Server,
  { graceMs, stalledMs }: { readonly graceMs: number; readonly stalledMs: number },
): { end(): void } {
  /** Requests under way, by connection. */
  const underWay = new Map<Socket, number>()
  let ending = false

  server.on('connection', (socket: Socket) => {
    underWay.set(socket, 0)
    socket.once('close', () => underWay.delete(socket))
  })
  server.setTimeout(stalledMs, (socket: Socket) => {
    // With a listener Node leaves the socket to us, and a timer that rang is silent until it is set again.
    if ((underWay.get(socket) ?? 0) === 0 || socket.writableLength > 0) socket.destroy()
    else socket.setTimeout(stalledMs)
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    count(socket, 1)
    response.once('close', () => count(socket, -1))
  })

  function count(socket: Socket, by: 1 | -1): void {
    const before = underWay.get(socket)
    if (before === undefined) return
    underWay.set(socket, before + by)
    if (ending && before + by === 0) socket.destroySoon()
  }

  return {
    end() {
      ending = true
      for (const [socket, requests] of underWay) if (requests === 0) socket.destroySoon()
      const late = setTimeout(() => server.closeAllConnections(), graceMs)
      server.once('close', () => clearTimeout(late))
    },
  }
}
