/** Ollama's native API, on a real server that answers and misbehaves as Ollama does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openOllamaModelProvider } from '#infra/ollama/ollama-model-provider.ts'
import type { OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import type { ModelReply } from '#processors/ports/model-provider.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type FakeOllama, type OllamaFault, startFakeOllama } from '#test/fakes/ollama-server.ts'

const key = 'sk-ollama-0123456789'
const text = 'grüße 🌍, a longer answer'

let server: FakeOllama
let provider: OpenedModelProvider

beforeAll(async () => {
  server = await startFakeOllama({ answer: text, thinking: 'let me see', models: ['a', 'b'] })
  provider = openAt(server.url)
})
afterAll(async () => {
  await provider.close()
  await server.close()
})

function openAt(baseUrl: string): OpenedModelProvider {
  return openOllamaModelProvider({ name: 'ollama', baseUrl, defaultModel: 'm', apiKey: key, local: true })
}

interface Asked {
  readonly reply: ModelReply
  readonly events: readonly string[]
}

async function ask(
  options: {
    stream?: boolean
    fault?: OllamaFault
    parameters?: object
    timeoutMs?: number
    onEvent?: () => void
  } = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Asked> {
  const { stream = false, fault = 'ok', timeoutMs = 10_000 } = options
  server.script(fault)
  const events: string[] = []
  const onEvent = (data: string): void => {
    events.push(data)
    options.onEvent?.()
  }
  const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }], parameters: { ...options.parameters } }
  const reply = await provider.complete(request, { timeoutMs, signal, ...(stream && { onEvent }) })
  return { reply, events }
}

/** Without what is made anew for each answer. */
function completionIn(reply: ModelReply): unknown {
  const parsed = JSON.parse((reply.ok ? reply.completion : undefined) ?? 'null') as object
  return { ...parsed, id: 'x' }
}

function textIn(events: readonly string[]): string {
  const deltas = events.flatMap(
    (event) => (JSON.parse(event) as { choices: { delta: { content?: string } }[] }).choices,
  )
  return deltas.map(({ delta }) => delta.content ?? '').join('')
}

const completion = {
  id: 'x',
  object: 'chat.completion',
  created: Date.parse('2026-11-21T00:00:00Z') / 1000,
  model: 'm',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: text, reasoning_content: 'let me see' },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 },
}

describe.for([false, true])('an answer, streamed: %s', (stream) => {
  test("is told in OpenAI's form, with thinking, usage and why it ended", async () => {
    const { reply, events } = await ask({ stream })
    expect(reply).toMatchObject({
      ok: true,
      content: text,
      finishReason: 'stop',
      promptTokens: 11,
      completionTokens: 5,
    })
    expect(reply.raw).toContain('"done_reason":"stop"')
    expect(completionIn(reply)).toEqual(completion)
    expect(events.length > 8).toBe(stream)
    if (stream) expect(textIn(events)).toBe(text)
    expect(JSON.parse(server.calls.at(-1)?.body ?? '')).toMatchObject({ model: 'm', stream })
    expect(server.calls.at(-1)?.headers.authorization).toBe(`Bearer ${key}`)
  })

  test('calls tools with arguments as a text and ids of their own', async () => {
    const { reply, events } = await ask({ stream, fault: 'tool-calls' })
    expect(reply).toMatchObject({ ok: true, content: '', finishReason: 'tool_calls' })
    expect(completionIn(reply)).toMatchObject({
      choices: [
        {
          message: {
            content: null,
            tool_calls: [
              {
                id: expect.stringMatching(/^call_/),
                function: { name: 'weather', arguments: '{"city":"Köln","days":2}' },
              },
              { id: 'call_x', type: 'function', function: { name: 'time', arguments: '{}' } },
            ],
          },
        },
      ],
    })
    const indexes = events.flatMap((event) => [...event.matchAll(/"tool_calls":\[\{"index":(\d)/g)].map(([, at]) => at))
    expect(indexes).toEqual(stream ? ['0', '1'] : [])
  })

  test('without usage says none', async () => {
    const { reply } = await ask({ stream, fault: 'no-usage' })
    expect(reply).not.toHaveProperty('promptTokens')
    expect(completionIn(reply)).not.toHaveProperty('usage')
  })

  test.for([
    [{ status: 404, error: 'model "x" not found' }, 'rejected', false],
    [{ status: 401, error: 'unauthorized' }, 'unauthorized', false],
    [{ status: 429, error: 'slow down', headers: { 'retry-after': '3' } }, 'rate-limited', true],
    [{ status: 500, error: 'model requires more memory' }, 'overloaded', true],
    ['html', 'not-json', false],
    ['cut-before-headers', 'unreachable', true],
  ] as const)('%j is %s', async ([fault, code, retryable]) => {
    const { reply, events } = await ask({ stream, fault })
    expect(reply).toMatchObject({ ok: false, code, retryable })
    if (typeof fault === 'object') expect(reply).toMatchObject({ message: expect.stringContaining(fault.error) })
    expect(reply).not.toHaveProperty('partial')
    expect(events).toEqual([])
  })

  test.for(['hang-before-headers', 'hang-mid-stream'] as const)('%s ends at the deadline', async (fault) => {
    const { reply, events } = await ask({ stream, fault, timeoutMs: 150 })
    expect(reply).toMatchObject({ code: 'timeout', retryable: true })
    expect(events.length > 0).toBe(stream && fault === 'hang-mid-stream')
    await eventually('the server sees the hang-up', () => server.calls.at(-1)?.hungUp)
  })
})

describe('a stream', () => {
  test('ends with the usage where the caller wants it', async () => {
    const { events } = await ask({ stream: true, parameters: { stream_options: { include_usage: true } } })
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ choices: [], usage: completion.usage })
    expect(JSON.parse(events.at(-2) ?? '')).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }] })
    expect(server.calls.at(-1)?.body).not.toContain('stream_options')
  })

  test.for([
    ['cut-mid-stream', 'cut'],
    ['cut-in-character', 'cut'],
    ['no-done', 'cut'],
    ['garbage-line', 'not-json'],
    ['error-line', 'error-body'],
  ] as const)('%s is %s, told with what had come', async ([fault, code]) => {
    const { reply, events } = await ask({ stream: true, fault })
    expect(reply).toMatchObject({ ok: false, code, partial: textIn(events) })
    expect(events.length).toBeGreaterThan(0)
  })

  test('left open behind its end is an answer', async () => {
    expect((await ask({ stream: true, fault: 'hang-after-done' })).reply).toMatchObject({ ok: true, content: text })
  })

  test('an abort cancels the upstream request', async () => {
    const controller = new AbortController()
    const onEvent = () => controller.abort()
    const { reply } = await ask({ stream: true, fault: 'hang-mid-stream', onEvent }, controller.signal)
    expect(reply).toMatchObject({ ok: false, code: 'cancelled' })
    await eventually('the server sees the hang-up', () => server.calls.at(-1)?.hungUp)
  })
})

test('why it ended is always told', async () => {
  await using other = await startFakeOllama({ doneReason: 'length' })
  const open = openAt(other.url)
  const request = { model: 'm', messages: [], parameters: {} }
  const limits = { timeoutMs: 5000, signal: new AbortController().signal }
  expect(await open.complete(request, limits)).toMatchObject({ ok: true, finishReason: 'length' })
  await open.close()
})

describe('embeddings', () => {
  const limits = () => ({ timeoutMs: 5000, signal: new AbortController().signal })

  test("are told in OpenAI's form, as numbers and in base64", async () => {
    const plain = await provider.embed?.({ model: 'm', input: ['a', 'b'], parameters: {} }, limits())
    expect(plain).toMatchObject({ ok: true, promptTokens: 6 })
    const { data } = JSON.parse(plain?.raw ?? '') as { data: { index: number; embedding: number[] }[] }
    expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
      [0, 8],
      [1, 8],
    ])
    const parameters = { encoding_format: 'base64' }
    const encoded = await provider.embed?.({ model: 'm', input: 'a', parameters }, limits())
    const [first] = (JSON.parse(encoded?.raw ?? '') as { data: { embedding: string }[] }).data
    const floats = new Float32Array(new Uint8Array(Buffer.from(first?.embedding ?? '', 'base64')).buffer)
    expect([...floats]).toEqual(data[0]?.embedding)
  })

  test('of token ids are refused, and failures are typed', async () => {
    expect(await provider.embed?.({ model: 'm', input: [1, 2], parameters: {} }, limits())).toMatchObject({
      code: 'rejected',
    })
    server.script({ status: 404, error: 'model not found' })
    expect(await provider.embed?.({ model: 'm', input: 'a', parameters: {} }, limits())).toMatchObject({
      code: 'rejected',
      httpStatus: 404,
    })
  })
})

test('health tells the version and the models, or why not', async () => {
  const limits = { timeoutMs: 5000, signal: new AbortController().signal }
  expect(await provider.health?.(limits)).toEqual({ answers: true, detail: 'Ollama 0.13.5, 2 models' })
  const other = openAt(server.url.replace('/api', '/v1'))
  expect(await other.health?.(limits)).toMatchObject({ answers: false })
  await other.close()
})
