/** Many clients that take nothing of their answers, over real sockets. */
import { createServer, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type UnsentLimits, watchUnsent } from '#api/http/unsent.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { listening } from '#test/fakes/listening.ts'

const mb = 1024 * 1024
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

async function serving(limits: Partial<UnsentLimits>) {
  const held: ServerResponse[] = []
  const cut: number[] = []
  const server = createServer((_, response) => void held.push(response))
  watchUnsent(server, { mostBytes: 64 * mb, graceMs: 60_000, lookEveryMs: 10, onCut: (n) => cut.push(n), ...limits })
  const { port, close } = await listening(server)
  ends.push(() => void close())
  /** One more client and its answer. */
  async function client({ reads }: { reads: boolean }): Promise<{ socket: Socket; response: ServerResponse }> {
    const before = held.length
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    if (reads) socket.resume()
    else socket.pause()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    ends.push(() => socket.destroy())
    await eventually('a request', () => held.length > before)
    return { socket, response: held[before]! }
  }
  const unsent = (): number => held.reduce((sum, one) => sum + (one.destroyed ? 0 : one.writableLength), 0)
  return { client, cut, unsent }
}

test('what is untaken of all answers is bounded: the one that waits longest is cut first, and who reads is served', async () => {
  const { client, cut, unsent } = await serving({ graceMs: 0 })
  const stuck = [await client({ reads: false }), await client({ reads: false }), await client({ reads: false })]
  const reading = await client({ reads: true })
  for (const { response } of stuck.slice(0, 2)) response.write(Buffer.alloc(30 * mb))
  await eventually('what the system takes is taken', () => unsent() > 20 * mb)
  expect(cut).toEqual([])
  stuck[2]?.response.write(Buffer.alloc(60 * mb))
  await eventually('the first is cut', () => stuck[0]?.response.destroyed === true)
  await eventually('it is within the bound', () => unsent() <= 64 * mb)
  expect(stuck[2]?.response.destroyed).toBe(false)
  const sent = new Promise((resolve) => reading.response.once('finish', resolve))
  reading.response.end(Buffer.alloc(20 * mb))
  await sent
  expect(reading.socket.bytesRead).toBeGreaterThan(0)
})

test('those that came a moment ago may hold up to twice as much', async () => {
  const { client, cut, unsent } = await serving({})
  const stuck = [await client({ reads: false }), await client({ reads: false }), await client({ reads: false })]
  for (const { response } of stuck.slice(0, 2)) response.write(Buffer.alloc(50 * mb))
  await eventually('more than the bound is held', () => unsent() > 64 * mb)
  expect(cut).toEqual([])
  stuck[2]?.response.write(Buffer.alloc(60 * mb))
  await eventually('more than twice the bound is not', () => unsent() <= 128 * mb)
  expect(cut).toHaveLength(1)
})
