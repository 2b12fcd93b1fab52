/** Whatever comes back, the call settles with a typed reply: properties over bytes on a real connection. */
import { createServer } from 'node:net'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import { openOpenAiModelProvider } from '#infra/openai/openai-model-provider.ts'
import type { ModelReply } from '#processors/ports/model-provider.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import { listening } from '#test/fakes/listening.ts'

function openAt(baseUrl: string): OpenedModelProvider {
  return openOpenAiModelProvider({ name: 'openai', baseUrl, defaultModel: 'm' })
}

async function ask(provider: OpenedModelProvider): Promise<ModelReply> {
  const request = { model: 'm', messages: [], parameters: {} }
  return await provider.complete(request, { timeoutMs: 5000, signal: new AbortController().signal })
}

test('any bytes as a body with any status give a typed reply, with the text kept', async () => {
  await using server = await startFakeOpenAi()
  const provider = openAt(server.url)
  const headers = fc.record(
    {
      'retry-after': fc.stringMatching(/^[\x20-\x7e]{0,12}$/),
      'content-type': fc.constantFrom('text/html', 'application/json'),
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
  )
  const status = fc.constantFrom(200, 201, 204, 301, 400, 418, 429, 500, 599)
  await fc.assert(
    fc.asyncProperty(body, status, headers, async (bytes, status, headers) => {
      const bodyBase64 = Buffer.from(bytes).toString('base64')
      server.script({ fault: 'body', bodyBase64, status, headers })
      const reply = await ask(provider)
      expect(reply.ok ? 'ok' : reply.message).not.toBe('')
      if (status !== 204) expect(reply.raw).toBe(Buffer.from(bytes).toString('utf8'))
    }),
    { numRuns: 300 },
  )
  await provider.close()
})

test('any bytes instead of HTTP give a typed failure', async () => {
  let bytes: Uint8Array = new Uint8Array()
  const raw = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.end(bytes))
  })
  await using there = await listening(raw)
  const open = openAt(`${there.origin}/v1`)
  const prefix = fc.constantFrom(
    '',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  await fc.assert(
    fc.asyncProperty(prefix, fc.uint8Array({ maxLength: 60 }), async (head, rest) => {
      bytes = Buffer.concat([Buffer.from(head), rest])
      const reply = await ask(open)
      expect(reply.ok).toBe(false)
    }),
    { numRuns: 150 },
  )
  await open.close()
})
