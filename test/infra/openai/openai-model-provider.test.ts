/** One call against a real server that misbehaves in every way the real ones do. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { OpenedModelProvider } from '#infra/http/opened-model-provider.ts'
import { openOpenAiModelProvider } from '#infra/openai/openai-model-provider.ts'
import { answerLimitBytes, type ModelReply, type ModelRequest } from '#processors/ports/model-provider.ts'
import { eventually } from '#test/contracts/eventually.ts'
import type { Fault } from '#test/fakes/openai-faults.ts'
import { type FakeOpenAi, startFakeOpenAi } from '#test/fakes/openai-server.ts'

const key = 'sk-live-0123456789abcdef'
const request: ModelRequest = { model: 'm', messages: [{ role: 'user', content: 'hello' }], parameters: {} }

let server: FakeOpenAi
let provider: OpenedModelProvider

beforeAll(async () => {
  server = await startFakeOpenAi({ answer: 'grüße 🌍' })
  provider = openAt(server.url)
})
afterEach(() => server.reset())
afterAll(async () => {
  await provider.close()
  await server.close()
})

function openAt(baseUrl: string, more: { apiKey?: string; local?: boolean } = { apiKey: key }): OpenedModelProvider {
  return openOpenAiModelProvider({ name: 'openai', baseUrl, defaultModel: 'm', keyVariable: 'OPENAI_API_KEY', ...more })
}

async function ask(options: { timeoutMs?: number; signal?: AbortSignal; with?: Partial<ModelRequest> } = {}) {
  const { timeoutMs = 10_000, signal = new AbortController().signal } = options
  return await provider.complete({ ...request, ...options.with }, { timeoutMs, signal })
}

async function askWith(fault: Fault, options: { timeoutMs?: number } = {}): Promise<ModelReply> {
  server.script(fault)
  return await ask(options)
}

describe('a good answer', () => {
  test('gives the text, the raw body, the reason it ended and the tokens', async () => {
    const reply = await ask()
    expect(reply).toMatchObject({
      ok: true,
      content: 'grüße 🌍',
      finishReason: 'stop',
      promptTokens: 10,
      completionTokens: 2,
    })
    expect(JSON.parse(reply.raw)).toMatchObject({ object: 'chat.completion' })
  })

  test('the request holds the model, the messages as they are and only the parameters given', async () => {
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'a' }], name: 'x', custom: { deep: [1] } }]
    await ask({ with: { messages, parameters: { temperature: 0.2, stream: true, stream_options: {} } } })
    const call = server.calls[0]
    expect(call?.path).toBe('/v1/chat/completions')
    expect(JSON.parse(call?.body ?? '')).toEqual({ model: 'm', messages, temperature: 0.2 })
    expect(call?.headers).toMatchObject({ authorization: `Bearer ${key}`, 'content-type': 'application/json' })
  })

  test('parameters cannot replace the model or the messages', async () => {
    await ask({ with: { parameters: { model: 'other', messages: [] } } })
    expect(JSON.parse(server.calls[0]?.body ?? '')).toEqual({ model: 'm', messages: request.messages })
  })

  test('the trace of the call goes along, and what the caller called it to a local server alone', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const asked = { timeoutMs: 5000, signal: new AbortController().signal }
    await provider.complete(request, { ...asked, trace: { traceparent, traceId: 'session 7' } })
    const local = openAt(server.url, { local: true })
    await local.complete(request, { ...asked, trace: { traceparent, traceId: 'session 7 ä' } })
    const notInAHeader = await local.complete(request, { ...asked, trace: { traceparent, traceId: 'λ\n' } })
    await local.close()
    expect(notInAHeader.ok).toBe(true)
    expect(server.calls.map(({ headers }) => [headers.traceparent, headers['x-lakehouse-trace-id']])).toEqual([
      [traceparent, undefined],
      [traceparent, 'session 7 ä'],
      [traceparent, undefined],
    ])
  })

  test('without a key no authorization is sent', async () => {
    const open = openAt(server.url, {})
    await open.complete(request, { timeoutMs: 5000, signal: new AbortController().signal })
    expect(server.calls[0]?.headers.authorization).toBeUndefined()
    await open.close()
  })

  test('user and password of the base URL are sent and never shown', async () => {
    const open = openAt(server.url.replace('//', '//me:pass%20word@'), {})
    const reply = await open.complete(request, { timeoutMs: 5000, signal: new AbortController().signal })
    expect(reply.ok).toBe(true)
    expect(open.url).toBe(server.url)
    const sent = server.calls[0]?.headers.authorization?.replace('Basic ', '') ?? ''
    expect(Buffer.from(sent, 'base64').toString()).toBe('me:pass word')
    await open.close()
  })

  test('a query of the base URL stays behind the path', async () => {
    const open = openAt(`${server.url}/deployment/x/?api-version=1`)
    await open.complete(request, { timeoutMs: 5000, signal: new AbortController().signal })
    expect(server.calls[0]?.path).toBe('/v1/deployment/x/chat/completions')
    await open.close()
  })

  test('the ids a provider gives its requests are kept', async () => {
    const good = JSON.stringify({ choices: [{ message: { content: 'x' } }] })
    const headers = { 'x-request-id': 'req_1' }
    expect(await askWith({ fault: 'status', status: 200, body: good, headers })).toMatchObject({
      ok: true,
      requestId: 'req_1',
    })
  })

  test('a prompt of 20 MB with lone surrogates arrives', async () => {
    const content = `${'x'.repeat(20 * 1024 * 1024)}\uD800`
    expect(await ask({ with: { messages: [{ role: 'user', content }] } })).toMatchObject({ ok: true })
    expect(server.calls[0]?.body.length).toBeGreaterThan(content.length)
  })
})

describe('each way of failing is named', () => {
  const statuses: [number, string, boolean][] = [
    [400, 'rejected', false],
    [401, 'unauthorized', false],
    [403, 'unauthorized', false],
    [404, 'rejected', false],
    [408, 'rejected', true],
    [422, 'rejected', false],
    [429, 'rate-limited', true],
    [500, 'overloaded', true],
    [502, 'overloaded', true],
    [503, 'overloaded', true],
    [529, 'overloaded', true],
  ]
  test.for(statuses)('status %i is %s, retryable: %s', async ([status, code, retryable]) => {
    const reply = await askWith({ fault: 'status', status })
    expect(reply).toMatchObject({ ok: false, code, retryable, httpStatus: status })
    expect(reply.raw).toContain('"error"')
    expect(reply).toHaveProperty('message', expect.stringContaining(`${server.url} answered ${status}: `))
  })

  const bodies: [Fault, string, boolean, string][] = [
    ['empty-body', 'empty-body', true, 'empty body'],
    ['html', 'not-json', false, "an HTML page ('Sign in')"],
    ['garbage-json', 'not-json', false, 'not JSON'],
    ['gzip', 'not-json', false, 'gzip'],
    ['invalid-utf8', 'not-json', false, 'not UTF-8'],
    ['not-a-completion', 'malformed', false, 'no chat completion'],
    ['no-choices', 'malformed', false, 'no chat completion'],
    ['error-object', 'error-body', true, 'Upstream is down'],
    ['gemini-error', 'rate-limited', true, 'Resource exhausted'],
    ['cut-mid-body', 'cut', true, 'the connection ended after'],
    ['cut-in-character', 'cut', true, 'the connection ended after'],
    ['cut-before-headers', 'unreachable', true, "can't be reached"],
    ['not-http', 'unreachable', false, 'does not speak HTTP'],
  ]
  test.for(bodies)('%s is %s', async ([fault, code, retryable, message]) => {
    const reply = await askWith(fault)
    expect(reply).toMatchObject({ ok: false, code, retryable })
    expect(reply).toHaveProperty('message', expect.stringContaining(message))
    expect(reply).toHaveProperty('message', expect.stringContaining(server.url))
  })

  test('an HTML page with a 502 is told by its title', async () => {
    const body = '<html><head><title>502 Bad Gateway</title></head></html>'
    const reply = await askWith({ fault: 'status', status: 502, body, headers: { 'content-type': 'text/html' } })
    expect(reply).toMatchObject({ code: 'overloaded', raw: body })
    expect(reply).toHaveProperty('message', expect.stringContaining("'502 Bad Gateway'"))
  })

  test('what had arrived before a cut is kept', async () => {
    const reply = await askWith('cut-mid-body')
    expect(reply).toMatchObject({ code: 'cut', httpStatus: 200 })
    expect(reply.raw).toMatch(/^\{"id":"chatcmpl-fake"/)
  })

  test('a 401 names the variable to check', async () => {
    expect(await askWith({ fault: 'status', status: 401 })).toHaveProperty(
      'message',
      expect.stringContaining('check OPENAI_API_KEY'),
    )
  })

  test('a spent quota is a 429 that no waiting heals', async () => {
    const body = JSON.stringify({ error: { message: 'You exceeded your current quota', code: 'insufficient_quota' } })
    expect(await askWith({ fault: 'status', status: 429, body })).toMatchObject({
      code: 'rate-limited',
      retryable: false,
    })
  })

  test('a server that says it is not worth retrying is believed', async () => {
    const headers = { 'x-should-retry': 'false' }
    expect(await askWith({ fault: 'status', status: 503, headers })).toMatchObject({
      code: 'overloaded',
      retryable: false,
    })
  })

  test('nothing listening is unreachable, and so is an unknown name', async () => {
    const closed = await startFakeOpenAi()
    await closed.close()
    for (const url of [closed.url, 'http://no-such-host.invalid/v1']) {
      const open = openAt(url)
      const reply = await open.complete(request, { timeoutMs: 10_000, signal: new AbortController().signal })
      expect(reply).toMatchObject({ ok: false, code: 'unreachable', retryable: true, raw: '' })
      expect(reply).toHaveProperty('message', expect.stringContaining(`${url} can't be reached: `))
      await open.close()
    }
  })

  test('a request that is no JSON never leaves', async () => {
    expect(await ask({ with: { parameters: { seed: 1n } } })).toMatchObject({ code: 'rejected', retryable: false })
    expect(server.callCount).toBe(0)
  })
})

describe('how long to wait', () => {
  test.for([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    [{ 'retry-after': new Date(Date.now() - 60_000).toUTCString() }, 0],
    [{}, undefined],
  ] as const)('429 with %j says %s ms', async ([headers, wait]) => {
    const reply = await askWith({ fault: 'status', status: 429, headers })
    expect(reply).toMatchObject({ code: 'rate-limited', retryable: true })
    expect((reply as { retryAfterMs?: number }).retryAfterMs).toBe(wait)
  })

  test("Gemini's wait is in the body", async () => {
    expect(await askWith('gemini-error')).toMatchObject({ retryAfterMs: 23_000 })
  })
})

describe('time and cancelling', () => {
  test.for(['hang-before-headers', 'hang-mid-body'] as const)(
    '%s ends at the deadline, and the server notices',
    async (fault) => {
      const began = performance.now()
      const reply = await askWith(fault, { timeoutMs: 80 })
      expect(reply).toMatchObject({ ok: false, code: 'timeout', retryable: true })
      expect(reply).toHaveProperty('message', expect.stringContaining('80 ms'))
      expect(performance.now() - began).toBeLessThan(2000)
      await eventually('the server sees the hang-up', () => server.calls[0]?.hungUp)
    },
  )

  test.for(['hang-before-headers', 'hang-mid-body'] as const)(
    'an abort during %s cancels the upstream request',
    async (fault) => {
      server.script(fault)
      const controller = new AbortController()
      const asked = ask({ signal: controller.signal })
      await eventually('the call has arrived', () => server.callCount === 1)
      controller.abort()
      expect(await asked).toMatchObject({ ok: false, code: 'cancelled', retryable: false })
      await eventually('the server sees the hang-up', () => server.calls[0]?.hungUp)
    },
  )

  test('what is cancelled already asks nobody', async () => {
    expect(await ask({ signal: AbortSignal.abort() })).toMatchObject({ code: 'cancelled' })
    expect(server.callCount).toBe(0)
  })

  test('a slow answer within the deadline is an answer', async () => {
    expect(await askWith({ fault: 'slow', ms: 100 }, { timeoutMs: 5000 })).toMatchObject({ ok: true })
  })

  test('an abort after the answer changes nothing and leaves no listener', async () => {
    const controller = new AbortController()
    const reply = await ask({ signal: controller.signal })
    controller.abort()
    expect(reply.ok).toBe(true)
  })
})

describe('large answers', () => {
  test('50 MB arrive whole', async () => {
    const reply = await askWith({ fault: 'huge', sizeBytes: 50 * 1024 * 1024 })
    expect(reply).toMatchObject({ ok: true, finishReason: 'stop' })
    expect(reply.raw.length).toBe(50 * 1024 * 1024)
  })

  test.for([true, false])(
    'more than the limit is refused, its length announced: %s; the first MiB is kept',
    async (announced) => {
      const reply = await askWith({ fault: 'huge', sizeBytes: answerLimitBytes + 4096, announced })
      expect(reply).toMatchObject({ ok: false, code: 'too-large', retryable: false })
      expect(reply.raw.length).toBe(1024 * 1024)
    },
  )
})

describe('the key', () => {
  test('is in nothing that comes back, even when the server quotes it', async () => {
    const reply = await askWith('echo-key')
    expect(reply).toMatchObject({ code: 'unauthorized' })
    expect(JSON.stringify(reply)).not.toContain(key)
    server.answerWith(`your key is ${key}`)
    const answer = await ask()
    server.answerWith('grüße 🌍')
    expect(answer).toMatchObject({ ok: true, content: 'your key is [redacted]' })
    expect(answer.raw).not.toContain(key)
  })

  test('does not follow a redirect to another host', async () => {
    await using other = await startFakeOpenAi()
    const reply = await askWith({ fault: 'redirect', to: `${other.url}/chat/completions` })
    expect(reply).toMatchObject({ ok: false, code: 'rejected', httpStatus: 307, retryable: false })
    expect(reply).toHaveProperty('message', expect.stringContaining(new URL(other.url).origin))
    expect(other.callCount).toBe(0)
  })
})
