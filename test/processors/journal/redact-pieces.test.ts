/** A secret that is streamed in pieces: nobody puts it together from what is recorded. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRedactor } from '#processors/journal/redact.ts'
import { redactPieces, unreadableStream } from '#processors/journal/redact-pieces.ts'

const secret = 'key-of-another-provider-3f81c0'
const redactor = createRedactor([secret])
const redact = (raw: string, content: string): string => redactPieces(redactor, { raw, content })

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string }; readonly logprobs?: unknown }[]
}

const streamOf = (pieces: readonly string[], end = '\n'): string =>
  [
    ...pieces.map((content) => `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content } }] })}`),
    'data: [DONE]',
    '',
  ].join(`${end}${end}`)

const contentOf = (raw: string): string =>
  raw
    .split(/[\r\n]+/)
    .filter((line) => line.startsWith('data: {'))
    .map((line) => (JSON.parse(line.slice(6)) as Chunk).choices[0]?.delta.content ?? '')
    .join('')

test('[secret.unseen] however a stream is cut, its pieces make the redacted text, and it stays a stream', () => {
  const text = `Yes: ${secret}. Really “${secret}”!`
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 30 }), fc.constantFrom('\n', '\r\n', '\r'), (cuts, end) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), text.length]
      const pieces = at.slice(1).map((to, index) => text.slice(at[index], to))
      const kept = redactor.redact(redact(streamOf(pieces, end), text)).text
      expect(contentOf(kept)).toBe(redactor.redact(text).text)
      expect(kept.endsWith(`data: [DONE]${end}${end}`)).toBe(true)
    }),
  )
})

test('choices and calls of tools are texts of their own, however they alternate', () => {
  const [first, second] = [secret.slice(0, 12), secret.slice(12)]
  const line = (index: number, piece: string): string =>
    `data: ${JSON.stringify({ choices: [{ index, delta: { tool_calls: [{ index: 0, function: { arguments: piece } }] } }] })}`
  const kept = redact([line(0, 'a'), line(1, first), line(0, 'b'), line(1, second)].join('\n\n'), '')
  expect(kept).toContain('[redacted:secret]')
  expect(kept).not.toContain(first)
  expect(kept).not.toContain(second)
  expect(kept.split('\n\n').filter((_, index) => index % 2 === 0)).toEqual([line(0, 'a'), line(0, 'b')])
})

test('lines of JSON, as Ollama streams them, are read too', () => {
  const raw = [secret.slice(0, 9), secret.slice(9)]
    .map((content) => JSON.stringify({ message: { content } }))
    .join('\n')
  expect(redact(raw, secret)).toBe('{"message":{"content":"[redacted:secret]"}}\n{"message":{"content":""}}')
})

test('log probabilities, which spell the answer, go with it', () => {
  const logprobs = { content: [{ token: secret.slice(0, 9) }, { token: secret.slice(9) }] }
  const raw = JSON.stringify({ choices: [{ index: 0, message: { content: secret }, logprobs }] })
  expect(redact(raw, secret)).toContain('"logprobs":null')
  expect(redact(raw, 'nothing')).toBe(raw)
})

test('a stream whose events are written over several lines is given up for a note', () => {
  const json = JSON.stringify({ choices: [{ delta: { content: secret.slice(0, 9) } }] })
  const over = `data: ${json.slice(0, 10)}\ndata: ${json.slice(10)}\n\ndata: {"more":"${secret.slice(9)}"}\n\n`
  expect(redact(over, secret)).toBe(unreadableStream)
})

test('what holds no secret stays byte for byte', () => {
  for (const raw of ['', '{"a": 1.0}', '<html>', streamOf(['a ', 'b']), ': comment\nevent: x\ndata: {"a":1}\n\n'])
    expect(redact(raw, 'a b')).toBe(raw)
})

test('[secret.unseen] a stream of tens of millions of empty lines is read like the others', () => {
  const lines = '\n'.repeat(15_000_000)
  const [first = '', second = ''] = [secret.slice(0, 9), secret.slice(9)].map(
    (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}`,
  )
  const kept = redact(`${first}${lines}: comment${lines}${second}\r\n`, secret)
  expect(kept.length).toBeGreaterThan(30_000_000)
  expect(kept.slice(0, 80)).toContain('[redacted:secret]')
  expect(kept.slice(-80)).not.toContain(secret.slice(9))
}, 30_000)

test('[secret.unseen] an event of twenty megabytes on one line is read like the others', () => {
  const [first = '', second = ''] = [secret.slice(0, 9), `${secret.slice(9)} ${'x'.repeat(20_000_000)}`].map(
    (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`,
  )
  const kept = redact(`${first}${second}data: [DONE]\n\n`, secret)
  expect(kept.slice(0, 80)).toContain('[redacted:secret]')
  expect(kept.slice(-80)).toContain('data: [DONE]')
  expect(kept).not.toContain(secret.slice(9))
}, 30_000)
