/** Whether a local server is there. */
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { probeModels } from '#infra/openai/probe-models.ts'
import { type Listening, listening } from '#test/fakes/listening.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'

const open: Listening[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

function at(baseUrl: string) {
  return { baseUrl, apiKey: undefined, local: true }
}

/** A server that answers each request with these bytes, or not at all. */
async function serverThatSays(text: string | undefined): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => text !== undefined && socket.end(text))
  })
  const there = await listening(server)
  open.push(there)
  return there.origin
}

const reply = (status: string, body: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`

test('a server that lists models answers, with their names', async () => {
  await using server = await startFakeOpenAi({ models: ['qwen3:4b', 'nomic-embed-text'] })
  expect(await probeModels(at(server.url), 2000)).toEqual({
    answers: true,
    models: ['qwen3:4b', 'nomic-embed-text'],
    reason: '',
  })
})

test.for([
  ['nothing there', undefined, false],
  ['a list', reply('200 OK', '{"object":"list","data":null}'), true],
  ['a key needed', reply('401 Unauthorized', '{}'), true],
  ['another program', reply('200 OK', '<html>'), false],
  ['a JSON of something else', reply('200 OK', '{"ok":true}'), false],
  ['no such path', reply('404 Not Found', '{"data":[]}'), false],
  ['no HTTP', 'SSH-2.0\r\n', false],
] as const)('%s', async ([, text, answers]) => {
  const url = text === undefined ? 'http://127.0.0.1:1' : await serverThatSays(text)
  const probe = await probeModels(at(url), 2000)
  expect(probe.answers).toBe(answers)
  if (!answers) expect(probe.reason).not.toBe('')
})

test("Ollama's own API is asked for its tags", async () => {
  const url = await serverThatSays(reply('200 OK', '{"models":[{"name":"llama3.2:latest"},{"model":"x"}]}'))
  expect(await probeModels(at(`${url}/api`), 2000)).toEqual({ answers: true, models: ['llama3.2:latest'], reason: '' })
})

test('a server that hangs is given up in time', async () => {
  const url = await serverThatSays(undefined)
  const began = performance.now()
  expect(await probeModels(at(url), 60)).toEqual({ answers: false, models: [], reason: 'no answer within 60 ms' })
  expect(performance.now() - began).toBeLessThan(1000)
})
