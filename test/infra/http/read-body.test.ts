/** What is not what was asked for, told for every protocol alike. */
import { expect, test } from 'vitest'
import { failureOfBody, readBody } from '#infra/http/read-body.ts'
import { readEmbed } from '#infra/ollama/embed.ts'

const asked = { url: 'http://x', keyVariable: undefined }
const received = (text: string, headers: Record<string, string> = {}) => ({ status: 200, headers, text })
const wanted = { what: 'numbers', find: (parsed: unknown) => (Array.isArray(parsed) ? parsed.length : undefined) }

test('what is found is given', () => {
  expect(readBody(asked, received('\uFEFF[1, 2]'), wanted)).toEqual({ ok: true, found: 2 })
})

test.for([
  [' \n', 'empty-body', true, 'an empty body'],
  ['<html><title>Sign in</title>', 'not-json', false, "an HTML page ('Sign in'), which is not JSON"],
  ['{"error":{"code":503,"message":"busy"}}', 'error-body', true, 'an error: busy'],
  ['{"detail":"Not Found"}', 'error-body', false, 'an error: Not Found'],
  ['{"choices":[]}', 'malformed', false, `no numbers: '{"choices":[]}'`],
] as const)('%s is %s', ([text, code, retryable, reason]) => {
  const reply = readBody(asked, received(text), wanted)
  const message = `http://x answered 200 with ${reason}`
  expect(reply).toEqual({ ok: false, code, retryable, message, raw: text, httpStatus: 200 })
})

test('an error in an array is an error where no array was asked for', () => {
  const text = '[{"error":{"message":"API key not valid"}}]'
  const reply = readBody(asked, received(text), { what: 'answer', find: () => undefined })
  expect(reply).toMatchObject({ code: 'error-body', message: expect.stringContaining('API key not valid') })
})

test('a body in an encoding nobody asked for is told as that', () => {
  const reply = readBody(asked, received('\u001F\uFFFD', { 'content-encoding': 'gzip' }), wanted)
  expect(reply).toMatchObject({ code: 'not-json', message: expect.stringContaining('in gzip encoding') })
})

test('of a part that is wrong the whole body is kept', () => {
  const options = { what: 'part', part: '{"error":"late"}', retryable: true }
  expect(failureOfBody(asked, received('{}\n{"error":"late"}'), options)).toMatchObject({
    code: 'error-body',
    raw: '{}\n{"error":"late"}',
    retryable: false,
  })
  const half = { ...options, part: '{"a":' }
  expect(failureOfBody(asked, received('{}\n{"a":'), half)).toMatchObject({ code: 'not-json', retryable: true })
})

test('embeddings nested deeper than can be written are malformed, not a crash', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  const request = { model: 'm', input: 'a', parameters: {} }
  expect(readEmbed(asked, received(`{"embeddings":[${deep}]}`), request)).toMatchObject({ code: 'malformed' })
})
