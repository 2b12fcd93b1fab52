/** Whether Ollama is there, by its version. */
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { probeVersion } from '#infra/openai/probe-version.ts'
import { listening } from '#test/fakes/listening.ts'

const options = { signal: new AbortController().signal, timeoutMs: 2000 }

test.for(['', '/', '/v1', '/v1/', '/api', '/api/'])('with %j after its address it is found', async (path) => {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.url)
    response.end('{"version":"0.12.6"}')
  })
  await using there = await listening(server)
  expect(await probeVersion(`${there.origin}${path}`, options)).toEqual({ answers: true, detail: 'Ollama 0.12.6' })
  expect(asked).toEqual(['/api/version'])
})

test('nobody there, somebody else there, and somebody who hangs are told apart', async () => {
  expect((await probeVersion('http://127.0.0.1:1/v1', options)).detail).toContain('nothing answers there')
  const server = createServer((request, response) => {
    if (request.url === '/api/version') response.end('<html>')
  })
  await using there = await listening(server)
  const url = there.origin
  expect((await probeVersion(url, options)).detail).toContain('without a version')
  expect((await probeVersion(`${url}/hangs/v1`, { ...options, timeoutMs: 30 })).detail).toContain('within 30 ms')
})
