/**
 * A model server that costs nearly nothing: raw `node:http`, answers made beforehand.
 *
 * The model `after-30-ms` answers after that time, every other at once; with `"stream":true` eight chunks come 2 ms
 * apart, so that the first is told from the rest. Its first line on stdout is its origin; it ends with its owner.
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { endWithOwner, listening } from './child.ts'

const of = { id: 'chatcmpl-bench', created: 1_700_000_000, model: 'bench' }
const text = 'A small model said this, at about the length that small models say things, twice over. '.repeat(2)
const answer = Buffer.from(
  JSON.stringify({
    ...of,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 120, completion_tokens: 40, total_tokens: 160 },
  }),
)
const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ ...of, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const chunks = [
  chunk({ role: 'assistant', content: 'A' }),
  ...Array.from({ length: 7 }, () => chunk({ content: ' word' })),
]
const last = `${chunk({}, 'stop')}data: [DONE]\n\n`

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const body = Buffer.concat(parts)
    const send = (): void => (body.includes('"stream":true') ? stream(response) : whole(response))
    if (body.includes('after-30-ms')) setTimeout(send, 30)
    else send()
  })
})
server.keepAliveTimeout = 60_000
listening(server, Number(process.argv[2] ?? 0))
endWithOwner()

function whole(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
  response.end(answer)
}

function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let sent = 0
  const timer = setInterval(() => {
    const next = chunks[++sent]
    if (next !== undefined) return void response.write(next)
    clearInterval(timer)
    response.end(last)
  }, 2)
  response.write(chunks[0])
  response.once('close', () => clearInterval(timer))
}
