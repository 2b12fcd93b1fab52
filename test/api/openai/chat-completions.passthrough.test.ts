/** A stream through the whole server: what the model server said, as it said it, however its bytes came. */
import { createServer } from 'node:http'
import { createParser } from 'eventsource-parser'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Serving } from '#test/api/http/serving.ts'
import { type Listening, listening } from '#test/fakes/listening.ts'

/** Writes the pieces of the next answer one by one, each in a packet of its own. */
let pieces: readonly Buffer[] = []
const upstream = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const write = (at: number): void => {
      const piece = pieces[at]
      if (piece === undefined) return void response.end()
      response.write(piece, () => setImmediate(write, at + 1))
    }
    write(0)
  })
  request.socket.setNoDelay(true)
})

let there: Listening
let server: Serving
beforeAll(async () => {
  there = await listening(upstream)
  server = await serving({
    env: { OPENAI_BASE_URL: `${there.origin}/v1` },
    stores: ['lookup'],
    worker: false,
  })
})
afterAll(async () => {
  await server.close()
  await there.close()
})

/** Chunks as servers write them: with spaces, fields nobody knows, any characters. */
const chunk = fc
  .record({
    content: fc.string({ unit: 'grapheme', maxLength: 12 }),
    more: fc.jsonValue({ maxDepth: 2 }),
    spaced: fc.boolean(),
  })
  .map(({ content, more, spaced }) => {
    const choice = { index: 0, delta: { content }, finish_reason: null, more }
    return JSON.stringify(
      { id: 'x', object: 'chat.completion.chunk', choices: [choice] },
      null,
      spaced ? 1 : 0,
    ).replaceAll('\n', ' ')
  })

const last = JSON.stringify({ id: 'x', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })

test('every event of a stream is handed on unaltered and in order, whatever pieces its bytes come in', async () => {
  const stream = fc.record({
    chunks: fc.array(chunk, { minLength: 1, maxLength: 12 }),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    space: fc.boolean(),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
  })
  await fc.assert(
    fc.asyncProperty(stream, async ({ chunks, lineEnd, space, cuts }) => {
      const sent = [...chunks, last]
      const events = [...sent, '[DONE]'].map((data) => `data:${space ? ' ' : ''}${data}${lineEnd}${lineEnd}`)
      pieces = cutAt(Buffer.from(events.join('')), cuts)
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'openai/m', messages: [{ role: 'user', content: '?' }], stream: true }),
      })
      const got: string[] = []
      const parser = createParser({ onEvent: ({ data }) => got.push(data) })
      parser.feed(await response.text())
      expect(got).toEqual([...sent, '[DONE]'])
    }),
    { numRuns: 100 },
  )
}, 60_000)

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b)
  return [0, ...places]
    .map((from, at) => bytes.subarray(from, places[at] ?? bytes.length))
    .filter(({ length }) => length > 0)
}
