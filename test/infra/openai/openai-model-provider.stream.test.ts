/** One streamed call against a real server that streams in every way the real ones do. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import { openOpenAiModelProvider } from '#infra/openai/openai-model-provider.ts'
import { answerLimitBytes, type ModelFailure, type ModelReply } from '#processors/ports/model-provider.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { parallelCalls, toolCallsOf } from '#test/fakes/openai-answers.ts'
import type { Fault } from '#test/fakes/openai-faults.ts'
import { type FakeOpenAi, startFakeOpenAi } from '#test/fakes/openai-server.ts'

const key = 'sk-live-0123456789abcdef'
const text = 'grüße 🌍, a longer answer of several chunks'

let server: FakeOpenAi
let provider: OpenedModelProvider

beforeAll(async () => {
  server = await startFakeOpenAi({ answer: text, chunkDelayMs: 0 })
  provider = openAt(server.url)
})
afterEach(() => {
  server.reset()
  server.answerWith(text)
})
afterAll(async () => {
  await provider.close()
  await server.close()
})

function openAt(baseUrl: string): OpenedModelProvider {
  return openOpenAiModelProvider({ name: 'openai', baseUrl, defaultModel: 'm', apiKey: key })
}

interface Streamed {
  readonly reply: ModelReply
  readonly events: readonly string[]
  /** Text of choice 0 as a client puts it together. */
  readonly text: string
}

async function stream(
  options: { parameters?: object; timeoutMs?: number; signal?: AbortSignal; onEvent?: (data: string) => void } = {},
): Promise<Streamed> {
  const { timeoutMs = 10_000, signal = new AbortController().signal, onEvent } = options
  const events: string[] = []
  const request = { model: 'm', messages: [{ role: 'user', content: 'hello' }], parameters: { ...options.parameters } }
  const reply = await provider.complete(request, {
    timeoutMs,
    signal,
    onEvent: (data) => {
      events.push(data)
      onEvent?.(data)
    },
  })
  return { reply, events, text: events.map(contentOf).join('') }
}

async function streamWith(fault: Fault, options: Parameters<typeof stream>[0] = {}): Promise<Streamed> {
  server.script(fault)
  return await stream(options)
}

function contentOf(event: string): string {
  const { choices } = JSON.parse(event) as { choices: { index: number; delta: { content?: string } }[] }
  return choices.map(({ index, delta }) => (index === 0 ? (delta.content ?? '') : '')).join('')
}

function completionIn(reply: ModelReply): unknown {
  return JSON.parse((reply.ok ? reply.completion : undefined) ?? 'null')
}

describe('a good stream', () => {
  test('is handed on as it comes; the reply holds all of it, and the completion it makes', async () => {
    const { reply, events, text: got } = await stream()
    expect(got).toBe(text)
    expect(events.length).toBeGreaterThan(8)
    expect(reply).toMatchObject({
      ok: true,
      content: text,
      finishReason: 'stop',
      promptTokens: 10,
      completionTokens: 8,
    })
    expect(reply.raw.startsWith(`data: ${events[0]}\n\n`)).toBe(true)
    expect(reply.raw.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(completionIn(reply)).toEqual({
      id: 'chatcmpl-fake',
      object: 'chat.completion',
      created: 1_767_225_600,
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 8, total_tokens: 18 },
    })
  })

  test('comes while the server is still writing, and an abort cancels the upstream request', async () => {
    server.script('hang-mid-body')
    const controller = new AbortController()
    const { reply, text: got } = await stream({ signal: controller.signal, onEvent: () => controller.abort() })
    expect(reply).toMatchObject({ ok: false, code: 'cancelled', partial: got })
    await eventually('the server sees the hang-up', () => server.calls[0]?.hungUp)
  })

  test('asks for the usage and keeps that event to itself, unless the caller wants it', async () => {
    const { events } = await stream({ parameters: { temperature: 0, tools: [], custom: { deep: [1] } } })
    expect(JSON.parse(server.calls[0]?.body ?? '')).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'hello' }],
      temperature: 0,
      tools: [],
      custom: { deep: [1] },
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(events.filter((event) => event.includes('"choices":[]'))).toEqual([])

    const wanted = await stream({ parameters: { stream_options: { include_usage: true, include_obfuscation: false } } })
    expect(JSON.parse(server.calls[1]?.body ?? '')).toMatchObject({
      stream_options: { include_usage: true, include_obfuscation: false },
    })
    expect(JSON.parse(wanted.events.at(-1) ?? '')).toMatchObject({ choices: [], usage: { total_tokens: 18 } })
  })

  test('a server that refuses to be asked for the usage is not asked again', async () => {
    const open = openAt(server.url)
    const body = JSON.stringify({ error: { message: 'Extra inputs are not permitted: stream_options' } })
    server.script({ fault: 'status', status: 422, body })
    const request = { model: 'm', messages: [], parameters: {} }
    const limits = { timeoutMs: 5000, signal: new AbortController().signal, onEvent: () => {} }
    expect(await open.complete(request, limits)).toMatchObject({ code: 'rejected', retryable: true })
    expect(await open.complete(request, limits)).toMatchObject({ ok: true, content: text })
    expect(server.calls.map((call) => call.body.includes('stream_options'))).toEqual([true, false])
    await open.close()
  })

  test('several choices, their logprobs and tools called at once are put together', async () => {
    const both = await stream({ parameters: { n: 2, logprobs: true } })
    const { choices } = completionIn(both.reply) as { choices: { logprobs: { content: { token: string }[] } }[] }
    expect(choices).toMatchObject([
      { index: 0, message: { content: text }, finish_reason: 'stop' },
      { index: 1, message: { content: text }, finish_reason: 'stop' },
    ])
    expect(choices[1]?.logprobs.content.map(({ token }) => token).join('')).toBe(text)
    expect(both.reply).toMatchObject({ content: text })

    const called = await streamWith('split-arguments')
    expect(called.reply).toMatchObject({ ok: true, content: '', finishReason: 'tool_calls' })
    expect(completionIn(called.reply)).toMatchObject(toolCallsOf(parallelCalls, { model: 'm' }))
  })

  test('a stream that has ended leaves its connection to the next', async () => {
    for (let call = 0; call < 10; call++) expect((await stream()).reply.ok).toBe(true)
    // Two that take turns: undici calls a connection free a tick after its answer has ended.
    expect(new Set(server.calls.map((call) => call.port)).size).toBeLessThan(5)
  })

  test.for([
    'no-space',
    'comments',
    'crlf',
    'cr',
    'multi-line',
    'no-done',
    'no-blank-line',
    'byte-order-mark',
  ] as const)('%s makes no difference', async (fault) => {
    const { reply, text: got } = await streamWith(fault)
    expect(got).toBe(text)
    expect(reply).toMatchObject({ ok: true, content: text, finishReason: 'stop', completionTokens: 8 })
  })

  test.for(['wrong-content-type', 'whole-for-stream', 'no-usage'] as const)('%s is an answer', async (fault) => {
    const { reply, text: got } = await streamWith(fault)
    expect(got).toBe(text)
    expect(reply).toMatchObject({ ok: true, content: text, finishReason: 'stop' })
    expect('completionTokens' in reply).toBe(fault !== 'no-usage')
  })

  test('a connection left open behind [DONE] is not waited for', async () => {
    const { reply } = await streamWith('hang-after-done', { timeoutMs: 20_000 })
    expect(reply).toMatchObject({ ok: true, content: text })
    await eventually('the server sees the hang-up', () => server.calls[0]?.hungUp)
  })
})

describe('a failure before the first event is one like any other', () => {
  const faults: readonly (readonly [Fault, string, boolean])[] = [
    ['rate-limited', 'rate-limited', true],
    [{ fault: 'status', status: 503 }, 'overloaded', true],
    [{ fault: 'status', status: 400 }, 'rejected', false],
    ['echo-key', 'unauthorized', false],
    ['cut-before-headers', 'unreachable', true],
    ['html', 'not-json', false],
    ['empty-body', 'empty-body', true],
    ['error-object', 'error-body', true],
    ['gzip', 'not-json', false],
    ['garbage-json', 'not-json', false],
    ['not-a-completion', 'malformed', false],
  ]
  test.for(faults)('%j is %s', async ([fault, code, retryable]) => {
    const { reply, events } = await streamWith(fault)
    expect(reply).toMatchObject({ ok: false, code, retryable })
    expect(reply).not.toHaveProperty('partial')
    expect(events).toEqual([])
    expect(JSON.stringify(reply)).not.toContain(key)
  })

  test('429 says how long to wait', async () => {
    const fault = { fault: 'status', status: 429, headers: { 'retry-after': '2' } } as const
    expect((await streamWith(fault)).reply).toMatchObject({ code: 'rate-limited', retryAfterMs: 2000 })
  })

  test('no headers in time', async () => {
    const { reply } = await streamWith('hang-before-headers', { timeoutMs: 80 })
    expect(reply).toMatchObject({ code: 'timeout', retryable: true })
    expect(reply).not.toHaveProperty('partial')
  })
})

describe('a failure behind the first event tells what had come', () => {
  const faults: readonly (readonly [Fault, string, boolean])[] = [
    ['cut-mid-body', 'cut', true],
    ['cut-in-character', 'cut', true],
    ['no-finish', 'cut', true],
    ['garbage-chunk', 'not-json', true],
    ['error-chunk', 'error-body', true],
    ['error-event', 'error-body', false],
  ]
  test.for(faults)('%s is %s', async ([fault, code, retryable]) => {
    const { reply, events, text: got } = await streamWith(fault)
    expect(reply).toMatchObject({ ok: false, code, retryable, httpStatus: 200, partial: got })
    expect(got).not.toBe('')
    expect(events.length).toBeGreaterThan(0)
    expect(reply.raw).toContain(`data: ${events[0]}`)
  })

  test('a hang ends at the deadline', async () => {
    const { reply, text: got } = await streamWith('hang-mid-body', { timeoutMs: 150 })
    expect(reply).toMatchObject({ code: 'timeout', retryable: true, partial: got })
    expect(got).not.toBe('')
    await eventually('the server sees the hang-up', () => server.calls[0]?.hungUp)
  })

  test('the usage told before the connection broke is kept', async () => {
    const usage = { prompt_tokens: 7, completion_tokens: 3 }
    const chunk = JSON.stringify({ choices: [{ index: 0, delta: { content: 'x' } }], usage })
    const bodyBase64 = Buffer.from(`data: ${chunk}\n\n`).toString('base64')
    const { reply } = await streamWith({ fault: 'body', bodyBase64 })
    expect(reply).toMatchObject({ code: 'cut', partial: 'x', promptTokens: 7, completionTokens: 3 })
  })

  test('a caller whose handler throws gets its own error, and the upstream call ends', async () => {
    server.script('hang-mid-body')
    const thrown = new Error('mine')
    const asked = stream({
      onEvent: () => {
        throw thrown
      },
    })
    await expect(asked).rejects.toBe(thrown)
    await eventually('the server sees the hang-up', () => server.calls[0]?.hungUp)
  })
})

test('the key is in no event', async () => {
  server.answerWith(() => ({
    choices: [{ index: 0, message: { role: 'assistant', content: key }, finish_reason: 'stop' }],
  }))
  const { reply, events } = await streamWith('whole-for-stream')
  expect(JSON.stringify([reply, events])).not.toContain(key)
  const chunk = JSON.stringify({ choices: [{ index: 0, delta: { content: key }, finish_reason: 'stop' }] })
  const bodyBase64 = Buffer.from(`data: ${chunk}\n\n`).toString('base64')
  const streamed = await streamWith({ fault: 'body', bodyBase64 })
  expect(streamed.reply).toMatchObject({ ok: true, content: '[redacted]' })
  expect(JSON.stringify(streamed)).not.toContain(key)
})

test('a stream without end is cut off at the limit, and told with what came before', async () => {
  const { reply, events, text: got } = await streamWith('endless-stream', { timeoutMs: 30_000 })
  expect(reply).toMatchObject({ ok: false, code: 'too-large', retryable: false })
  expect(reply.raw.length).toBe(1024 * 1024)
  expect(events.join('').length).toBeLessThan(answerLimitBytes)
  expect(got.length).toBeGreaterThan(answerLimitBytes * 0.9)
  expect((reply as ModelFailure).partial === got).toBe(true)
})
