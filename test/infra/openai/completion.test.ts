/** A body read as a completion. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCompletion } from '#infra/openai/completion.ts'

const asked = { url: 'http://x/v1', keyVariable: undefined }

function read(body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readCompletion(asked, { status: 200, headers: {}, text })
}

const choice = (message: unknown, more: object = {}) => ({ choices: [{ index: 0, message, ...more }] })

test.for([
  ['a text', choice({ content: 'hi' }), 'hi'],
  ['an empty text', choice({ content: '' }), ''],
  ['a tool call without content', choice({ content: null, tool_calls: [{}] }, { finish_reason: 'tool_calls' }), ''],
  [
    'parts of which the texts count',
    choice({ content: [{ type: 'text', text: 'a' }, { type: 'x' }, { text: 'b' }] }),
    'ab',
  ],
  ['a message without content', choice({ role: 'assistant' }), ''],
  ['a blocked answer without message', choice(undefined, { finish_reason: 'content_filter' }), ''],
  ['an answer beside a null error', { ...choice({ content: 'x' }), error: null }, 'x'],
] as const)('%s is an answer', ([, body, content]) => {
  expect(read(body)).toMatchObject({ ok: true, content, raw: JSON.stringify(body) })
})

test.for([9_007_199_254_740_991, 1e18, -1, 1.5, '7'])('%s is no number of tokens', (told) => {
  const body = { ...choice({ content: 'x' }), usage: { prompt_tokens: told, completion_tokens: told } }
  expect(read(body)).not.toHaveProperty('promptTokens')
  expect(read(body)).not.toHaveProperty('completionTokens')
})

test('a byte order mark before the JSON does no harm', () => {
  expect(read(`\uFEFF${JSON.stringify(choice({ content: 'x' }))}`)).toMatchObject({ ok: true, content: 'x' })
})

test.for([
  ['{"error":{"message":"no","code":"x"}}', 'error-body', false],
  ['{"error":"no"}', 'error-body', false],
  ['{"error":{"code":429,"message":"slow down"}}', 'error-body', true],
  ['{"error":{"code":503}}', 'error-body', true],
  ['[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]', 'error-body', false],
  ['{"detail":"Not Found"}', 'error-body', false],
  ['{"detail":[{"loc":["body"],"msg":"field required"}]}', 'error-body', false],
  ['{"error":{"message":"late"},"choices":[]}', 'error-body', false],
  ['{"choices":[{}]}', 'malformed', false],
  ['{"choices":[{"message":{"content":5}}]}', 'malformed', false],
  ['{"choices":"x"}', 'malformed', false],
  ['[]', 'malformed', false],
  ['null', 'malformed', false],
  ['"ok"', 'malformed', false],
  ['12', 'malformed', false],
  ['ok', 'not-json', false],
  ['data: {"choices":[]}\n\n', 'not-json', false],
  [' \n', 'empty-body', true],
] as const)('%s is %s', ([text, code, retryable]) => {
  const reply = read(text)
  expect(reply).toMatchObject({ ok: false, code, retryable, raw: text, httpStatus: 200 })
})

test('what came from a cache is told', () => {
  const usage = { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 4 } }
  expect(read({ ...choice({ content: 'x' }), usage })).toMatchObject({ promptTokens: 9, cachedTokens: 4 })
})

test('odd usage is left out', () => {
  const usage = { prompt_tokens: -1, completion_tokens: '5' }
  const reply = read({ ...choice({ content: 'x' }), usage })
  expect(reply).not.toHaveProperty('promptTokens')
  expect(reply).not.toHaveProperty('completionTokens')
})

test('JSON nested 100,000 deep is a failure, not a crash', () => {
  expect(read('['.repeat(100_000) + ']'.repeat(100_000)).ok).toBe(false)
  expect(read(`{"error":${'['.repeat(50_000)}${']'.repeat(50_000)}}`).ok).toBe(false)
})

test('any JSON and any text give an answer or a failure with a one-line message', () => {
  const odd = fc.oneof(
    fc.json(),
    fc.string(),
    fc.jsonValue().map((error) => JSON.stringify({ error })),
    fc.jsonValue().map((one) => JSON.stringify({ choices: [one] })),
  )
  fc.assert(
    fc.property(odd, (text) => {
      const reply = read(text)
      expect(reply.raw).toBe(text)
      if (reply.ok) return
      expect(reply.message).toMatch(/^http:\/\/x\/v1 answered 200/)
      expect(reply.message).not.toMatch(/[\n\r\0]/)
      expect(reply.message.length).toBeLessThan(500)
    }),
    { numRuns: 3000 },
  )
})
