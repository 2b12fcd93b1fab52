/** Connections that misbehave: no HTTP, too slow, gone in the middle. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { head, raw } from './raw.ts'
import { serveUnbroken } from './serve-unbroken.ts'
import { serving } from './serving.ts'
import type { Serving } from './serving.ts'

let server: Serving
serveUnbroken((began) => (server = began))

describe('connections', () => {
  test('bytes that are no HTTP get a problem document', async () => {
    for (const bytes of [
      '\x16\x03\x01\x02\x00',
      'hello\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET /v1/runs HTTP/1.1\r\nconnection: close\r\n\r\n',
      'GET /health HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n',
    ]) {
      const answer = await raw(server.port, bytes)
      expect(answer.status, bytes).toBe(400)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'request.invalid' })
    }
  })

  test('a client that sends its headers byte by byte, or never finishes its body, is sent away', async () => {
    const patience = { headersMs: 300, requestMs: 600, lookEveryMs: 50 }
    await using hasty = await serving({ worker: false, stores: [], http: { patience } })
    const answer = await raw(hasty.port, 'GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ')
    expect(answer.status).toBe(408)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'request.timeout' })
    const unfinished = await raw(
      hasty.port,
      head('POST /v1/tasks HTTP/1.1', 'content-type: application/json', 'content-length: 100'),
      '{"prompt":',
    )
    expect(unfinished.status).toBe(408)
  })

  test('a client that goes in the middle leaves nothing behind', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const socket = connect(server.port, '127.0.0.1')
        socket.on('error', () => {})
        socket.write(head('POST /v1/tasks HTTP/1.1', 'content-type: application/json', 'content-length: 1000'))
        socket.write('{"prompt":"'.slice(0, index % 12))
        await sleep(index % 5)
        socket.destroy()
      }),
    )
    expect((await server.ask('/ready')).status).toBe(200)
  })
})
