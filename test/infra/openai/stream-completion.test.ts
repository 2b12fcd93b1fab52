/** Any stream, split anywhere, gives the same events and the same reply: properties over bytes. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { streamCompletion } from '#infra/openai/stream-completion.ts'
import { failure } from '#infra/http/model-failures.ts'
import type { ModelReply } from '#processors/ports/model-provider.ts'
import { chunksOf, type StreamFault, writtenEvents } from '#test/fakes/openai-stream.ts'

const asked = { url: 'http://x/v1', keyVariable: undefined }

interface Read {
  readonly events: readonly string[]
  readonly reply: ModelReply
}

/** `cut`: the connection broke behind the last byte. */
function read(pieces: readonly Uint8Array[], options: { wantsUsage?: boolean; cut?: boolean } = {}): Read {
  const events: string[] = []
  const { wantsUsage = true, cut = false } = options
  const reader = streamCompletion({
    asked,
    onEvent: (data) => void events.push(data),
    hideKey: (text) => text,
    wantsUsage,
  })
  let more = true
  for (const piece of pieces) if (more) more = reader.take(piece)
  const bytes = Buffer.concat(pieces)
  const text = bytes.toString('utf8')
  const failed = cut ? { failed: failure('cut', `${asked.url} broke`, { raw: text, retryable: true }) } : {}
  return { events, reply: reader.reply({ status: 200, headers: {}, bytes, text, ...failed }) }
}

/** The bytes, cut where the numbers say. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((from, place) => bytes.subarray(from, at[place] ?? bytes.length))
}

const cuts = fc.array(fc.nat(5000), { maxLength: 40 })
const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const fault = fc.constantFrom<(StreamFault | undefined)[]>(
  undefined,
  'no-space',
  'comments',
  'crlf',
  'cr',
  'multi-line',
  'no-done',
  'no-finish',
  'no-blank-line',
  'garbage-chunk',
  'error-chunk',
  'error-event',
  'byte-order-mark',
)

interface Answer {
  readonly contents: readonly string[]
  readonly calls: readonly string[]
}

const answer: fc.Arbitrary<Answer> = fc.record({
  contents: fc.array(text, { minLength: 1, maxLength: 3 }),
  calls: fc.array(fc.json(), { maxLength: 3 }),
})

function completionOf({ contents, calls }: Answer): Record<string, unknown> {
  const tools = calls.map((args, at) => ({ id: `c${at}`, type: 'function', function: { name: 'f', arguments: args } }))
  return {
    id: 'x',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: contents.map((content, index) => ({
      index,
      message: { role: 'assistant', content, ...(tools.length > 0 && { tool_calls: tools }) },
      finish_reason: tools.length > 0 ? 'tool_calls' : 'stop',
    })),
    usage: { prompt_tokens: 3, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 2 } },
  }
}

describe('any stream', () => {
  test('split anywhere gives the same events and the same reply, however it is written', () => {
    const shape = fc.record({ chunkSize: fc.integer({ min: 1, max: 9 }), usage: fc.boolean() })
    fc.assert(
      fc.property(answer, shape, fault, cuts, fc.boolean(), (answer, shape, fault, cuts, cut) => {
        const bytes = Buffer.from(writtenEvents(chunksOf(completionOf(answer), shape), fault).join(''))
        const whole = read([bytes], { cut })
        expect(read(split(bytes, cuts), { cut })).toEqual(whole)
        expect(whole.reply.raw).toBe(bytes.toString('utf8'))
      }),
      { numRuns: 500 },
    )
  })

  test('every event is handed on unaltered and in order, and together they are the completion', () => {
    const shape = fc.record({ chunkSize: fc.integer({ min: 1, max: 9 }), usage: fc.constant(true) })
    const harmless = fault.filter((one) => !/finish|chunk|error|multi/.test(one ?? ''))
    fc.assert(
      fc.property(answer, shape, harmless, cuts, (answer, shape, fault, cuts) => {
        const completion = completionOf(answer)
        const data = chunksOf(completion, shape)
        const bytes = Buffer.from(writtenEvents(data, fault).join(''))
        const { events, reply } = read(split(bytes, cuts))
        expect(events).toEqual(data)
        const told = { promptTokens: 3, completionTokens: 4, cachedTokens: 2 }
        expect(reply).toMatchObject({ ok: true, content: answer.contents[0], ...told })
        expect(JSON.parse((reply.ok && reply.completion) || '')).toEqual(completion)
        // Our own asking for the usage is not seen.
        expect(read([bytes], { wantsUsage: false }).events).toEqual(data.slice(0, -1))
      }),
      { numRuns: 500 },
    )
  })

  test('cut anywhere it is a cut, or an answer from its last finish_reason on; partial is what was handed on', () => {
    fc.assert(
      fc.property(text, fc.nat(), (content, at) => {
        const data = chunksOf(completionOf({ contents: [content], calls: [] }), { chunkSize: 2 })
        const bytes = Buffer.from(writtenEvents(data).join(''))
        const { events, reply } = read([bytes.subarray(0, at % bytes.length)], { cut: true })
        expect(events).toEqual(data.slice(0, events.length))
        expect(reply.ok).toBe(events.length === data.length)
        const handed = events.map((event) => deltaIn(event)).join('')
        if (reply.ok) expect(reply.content).toBe(content)
        else expect(reply).toMatchObject({ code: 'cut', ...(events.length > 0 && { partial: handed }) })
      }),
      { numRuns: 300 },
    )
  })

  test('any bytes give a typed reply', () => {
    const odd = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.oneof(fc.json(), fc.string()), { maxLength: 6 }).map((all) => {
        return Buffer.from(all.map((one) => `data: ${one}\n\n`).join(''))
      }),
      fc.array(fc.jsonValue(), { maxLength: 6 }).map((all) => {
        return Buffer.from(all.map((one) => `data: ${JSON.stringify({ choices: [one, { delta: one }] })}\n\n`).join(''))
      }),
    )
    fc.assert(
      fc.property(odd, cuts, (bytes, cuts) => {
        const whole = read([Buffer.from(bytes)])
        expect(read(split(Buffer.from(bytes), cuts))).toEqual(whole)
        for (const event of whole.events) expect(typeof JSON.parse(event)).toBe('object')
      }),
      { numRuns: 1000 },
    )
  })
})

function deltaIn(event: string): string {
  return (JSON.parse(event) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? ''
}

function events(...data: readonly (object | string)[]): Buffer[] {
  return data.map((one) => Buffer.from(`data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`))
}

const said = (content: unknown, more: object = {}) => ({ choices: [{ index: 0, delta: { content }, ...more }] })

test.for([
  ['[DONE] alone', events('[DONE]'), 'malformed'],
  ['comments alone', [Buffer.from(': waiting\n\n: waiting\n\n')], 'cut'],
  ['a page of text', [Buffer.from('upstream timed out')], 'not-json'],
  ['a number', events('12'), 'malformed'],
  ['an error object of FastAPI', events({ detail: 'no' }), 'error-body'],
  ["OpenRouter's error beside a choice", events(said('a'), { ...said(''), error: { code: 502 } }), 'error-body'],
  [
    'one of two choices unfinished',
    events({ choices: [{ index: 1, delta: {} }] }, said('', { finish_reason: 'stop' })),
    'cut',
  ],
  [
    'text nested deeper than can be written',
    events(said(`[${'['.repeat(10)}`), '['.repeat(60_000) + ']'.repeat(60_000)),
    'malformed',
  ],
] as const)('%s is a failure', ([, pieces, code]) => {
  expect(read(pieces).reply).toMatchObject({ ok: false, code, raw: Buffer.concat(pieces).toString() })
})

test('what is behind [DONE] or an error is not handed on', () => {
  expect(read(events(said('a', { finish_reason: 'stop' }), '[DONE]', said('b'))).events).toHaveLength(1)
  expect(read(events(said('a'), { error: { message: 'x' } }, said('b'))).events).toHaveLength(1)
})

test('a stream of a choice nested too deep to be written is malformed, and nothing of a prototype is touched', () => {
  const deep = `{"choices":[{"index":0,"finish_reason":"stop","delta":{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}}]}`
  expect(read(events(deep)).reply.ok).toBe(false)
  const mean =
    '{"choices":[{"index":0,"delta":{"a":{"__proto__":{"p":1}},"__proto__":{"p":1}},"__proto__":{"p":1}}],"__proto__":{"p":1}}'
  read(events(mean, mean, '[DONE]'))
  expect(Object.hasOwn(Object.prototype, 'p')).toBe(false)
})

test('reasoning, refusals, lists and fields nobody knows are put together; null takes nothing away', () => {
  const pieces = events(
    said(null, {
      delta: { role: 'assistant', content: null, reasoning_content: 'a', annotations: [1], x: { y: 'p' } },
    }),
    said('', { delta: { role: 'assistant', reasoning_content: 'b', annotations: [2], x: { y: 'q' }, refusal: 'no' } }),
    said('', { delta: { content: [{ type: 'text', text: 'h' }] } }),
    said('i', { finish_reason: 'stop' }),
    '[DONE]',
  )
  const { reply } = read(pieces)
  expect(reply).toMatchObject({ content: 'hi' })
  expect(JSON.parse((reply.ok && reply.completion) || '')).toMatchObject({
    choices: [
      {
        message: { role: 'assistant', reasoning_content: 'ab', annotations: [1, 2], x: { y: 'pq' }, refusal: 'no' },
        finish_reason: 'stop',
      },
    ],
  })
})

test.for([
  ['told with one index, as Gemini does', [0, 0]],
  ['told without an index', [undefined, undefined]],
  ['begun in another order', [1, 0]],
] as const)('tool calls made at once are kept apart: %s', ([, indexes]) => {
  const call = (index: number | undefined, id: string) => ({
    tool_calls: [{ index, id, type: 'function', function: { name: id, arguments: `{"of":"${id}"}` } }],
  })
  const pieces = events(
    said('', { delta: call(indexes[0], 'a') }),
    said('', { delta: call(indexes[1], 'b') }),
    said('', { finish_reason: 'tool_calls' }),
  )
  const { reply } = read(pieces)
  const { choices } = JSON.parse((reply.ok && reply.completion) || '') as {
    choices: { message: { tool_calls: { id: string; function: object }[] } }[]
  }
  const made = ['a', 'b'].map((id) => ({ id, type: 'function', function: { name: id, arguments: `{"of":"${id}"}` } }))
  expect(choices[0]?.message.tool_calls).toEqual(indexes[0] === 1 ? made.reverse() : made)
})

test('an id repeated or changed with each piece of one call makes no other call', () => {
  const piece = (id: string, called: object) =>
    said('', { delta: { tool_calls: [{ index: 0, id, function: called }] } })
  const { reply } = read(
    events(
      piece('a', { name: 'f', arguments: '{' }),
      piece('a', { name: 'f', arguments: '"x":' }),
      piece('b', { arguments: '1}' }),
      said('', { finish_reason: 'tool_calls' }),
    ),
  )
  expect(JSON.parse((reply.ok && reply.completion) || '')).toMatchObject({
    choices: [{ message: { tool_calls: [{ function: { name: 'f', arguments: '{"x":1}' } }] } }],
  })
})
