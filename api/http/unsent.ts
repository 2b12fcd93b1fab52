import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * What all clients together leave untaken of their answers.
 *
 * Promise: no more than `mostBytes` of it is held for longer than `graceMs`, and no more than twice that at all, but for
 * what is written between two looks: the connections that take nothing for longest are cut off first, however many there
 * are. Who takes his answer, as slow as the line may be, is not touched while there is room.
 */
export interface UnsentLimits {
  readonly mostBytes: number
  readonly graceMs: number
  readonly lookEveryMs: number
  /** Told of each connection that is cut off. */
  readonly onCut?: (unsentBytes: number) => void
}

export const usualUnsent: UnsentLimits = { mostBytes: 256 * 1024 * 1024, graceMs: 5_000, lookEveryMs: 250 }

export function watchUnsent(server: Server, { mostBytes, graceMs, lookEveryMs, onCut }: UnsentLimits): void {
  /** Since when each has something untaken. */
  const open = new Map<Socket, number | undefined>()
  let timer: NodeJS.Timeout | undefined

  server.on('connection', (socket: Socket) => {
    open.set(socket, undefined)
    socket.once('close', () => open.delete(socket))
    timer ??= setTimeout(look, lookEveryMs).unref()
  })

  function look(): void {
    const now = performance.now()
    let held = 0
    const slow: { socket: Socket; bytes: number; since: number }[] = []
    for (const [socket, before] of open) {
      const bytes = socket.writableLength
      const since = bytes === 0 ? undefined : (before ?? now)
      if (since !== before) open.set(socket, since)
      held += bytes
      if (since !== undefined) slow.push({ socket, bytes, since })
    }
    if (held > mostBytes) cut(slow, { held, now })
    timer = open.size === 0 ? undefined : setTimeout(look, lookEveryMs).unref()
  }

  function cut(
    slow: { socket: Socket; bytes: number; since: number }[],
    { held, now }: { held: number; now: number },
  ): void {
    let left = held
    for (const { socket, bytes, since } of slow.toSorted((a, b) => a.since - b.since)) {
      if (left <= mostBytes || (left <= 2 * mostBytes && now - since < graceMs)) return
      left -= bytes
      socket.destroy()
      onCut?.(bytes)
    }
  }
}
