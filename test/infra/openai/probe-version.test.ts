/** Whether Ollama is there, by its version. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { probeVersion } from '#infra/openai/probe-version.ts'

const options = { signal: new AbortController().signal, timeoutMs: 2000 }

test.for(['', '/', '/v1', '/v1/', '/api', '/api/'])('with %j after its address it is found', async (path) => {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.url)
    response.end('{"version":"0.12.6"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  expect(await probeVersion(url, options)).toEqual({ answers: true, detail: 'Ollama 0.12.6' })
  expect(asked).toEqual(['/api/version'])
  server.close()
})

test('nobody there, somebody else there, and somebody who hangs are told apart', async () => {
  expect((await probeVersion('http://127.0.0.1:1/v1', options)).detail).toContain('nothing answers there')
  const server = createServer((request, response) => {
    if (request.url === '/api/version') response.end('<html>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect((await probeVersion(url, options)).detail).toContain('without a version')
  expect((await probeVersion(`${url}/hangs/v1`, { ...options, timeoutMs: 30 })).detail).toContain('within 30 ms')
  server.closeAllConnections()
  server.close()
})
