/** Any body, split anywhere, gives the same chunks and the same reply: properties over bytes. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readChat } from '#infra/ollama/read-chat.ts'

const asked = { url: 'http://x/api', keyVariable: undefined }

function read(pieces: readonly Uint8Array[]) {
  const events: string[] = []
  const reader = readChat({
    asked,
    onEvent: (data) => void events.push(data),
    hideKey: (text) => text,
    wantsUsage: true,
  })
  let more = true
  for (const piece of pieces) if (more) more = reader.take(piece)
  const bytes = Buffer.concat(pieces)
  const reply = reader.reply({ status: 200, headers: {}, bytes, text: bytes.toString('utf8') })
  // Ids are made anew for each answer.
  return JSON.parse(JSON.stringify({ events, reply }).replaceAll(/(chatcmpl-|call_)[0-9a-f-]{36}/g, '$1')) as {
    events: string[]
    reply: { ok: boolean; content?: string; code?: string; completion?: string }
  }
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, place) => bytes.subarray(from, at[place] ?? bytes.length))
}

const cuts = fc.array(fc.nat(3000), { maxLength: 40 })
const content = fc.string({ unit: 'grapheme', maxLength: 10 })
const created_at = '2026-11-21T00:00:00Z'
const message = fc.record(
  {
    content,
    thinking: content,
    tool_calls: fc.array(
      fc.record({ function: fc.record({ name: content, arguments: fc.dictionary(content, fc.jsonValue()) }) }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: ['content'] },
)

test('split anywhere it is the same, and its parts are what the completion holds', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), cuts, fc.boolean(), (messages, cuts, newline) => {
      const parts = messages.map((message, at) => {
        const last = at === messages.length - 1
        return { model: 'm', created_at, message, done: last, ...(last && { done_reason: 'stop', eval_count: 3 }) }
      })
      const body = parts.map((part) => JSON.stringify(part)).join('\n') + (newline ? '\n' : '')
      const whole = read([Buffer.from(body)])
      expect(read(split(Buffer.from(body), cuts))).toEqual(whole)
      expect(whole.reply).toMatchObject({ ok: true, content: messages.map(({ content }) => content).join('') })
      const completion = JSON.parse(whole.reply.completion ?? '') as {
        choices: { message: { reasoning_content?: string; tool_calls?: { function: { arguments: string } }[] } }[]
      }
      const made = completion.choices[0]?.message
      expect(made?.reasoning_content ?? '').toBe(messages.map(({ thinking }) => thinking ?? '').join(''))
      expect((made?.tool_calls ?? []).map((call) => JSON.parse(call.function.arguments) as unknown)).toEqual(
        messages.flatMap(({ tool_calls: calls }) =>
          (calls ?? []).map((call) => JSON.parse(JSON.stringify(call.function.arguments)) as unknown),
        ),
      )
    }),
    { numRuns: 300 },
  )
})

test('any bytes give a typed reply, the same however they are split', () => {
  const odd = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.oneof(fc.json(), fc.string()), { maxLength: 6 }).map((all) => Buffer.from(all.join('\n'))),
    fc
      .array(fc.record({ message: fc.jsonValue(), done: fc.boolean(), created_at: fc.constant(created_at) }))
      .map((all) => Buffer.from(all.map((one) => JSON.stringify(one)).join('\n'))),
  )
  fc.assert(
    fc.property(odd, cuts, (bytes, cuts) => {
      const whole = read([Buffer.from(bytes)])
      expect(read(split(Buffer.from(bytes), cuts))).toEqual(whole)
      expect(whole.reply.ok || whole.reply.code !== undefined).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('arguments nested deeper than can be written are malformed, not a crash', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  const line = `{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":${deep}}}}]},"done":true}\n`
  expect(read([Buffer.from(line)]).reply.ok).toBe(false)
})
