/**
 * The official `openai` package for Node against a really served Lattice: what a team gets that changes its base URL.
 */
import {
  OpenAI,
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { clientToken, openClientsWorld, sentence } from './clients.ts'
import type { ClientsWorld } from './clients.ts'
import { eventually } from '#test/contracts/eventually.ts'

const messages = [{ role: 'user' as const, content: 'Where are you?' }]
const ask = { model: 'openai/fake-small', messages }
const tools = ['weather', 'time'].map((name) => ({
  type: 'function' as const,
  function: { name, parameters: { type: 'object', properties: {} } },
}))

describe('the openai package for Node', () => {
  let world: ClientsWorld
  /** Requests the client made to Lattice. */
  let requests = 0
  let client: OpenAI

  beforeAll(async () => {
    world = await openClientsWorld()
  }, 60_000)
  afterAll(() => world.close())
  beforeEach(() => {
    world.model.reset()
    requests = 0
    client = clientOf(world.baseUrl)
  })

  /** As `new OpenAI()` is with `OPENAI_BASE_URL` and `OPENAI_API_KEY` set, its own two retries included. */
  function clientOf(baseURL: string, apiKey = clientToken): OpenAI {
    return new OpenAI({
      baseURL,
      apiKey,
      fetch: (url, init) => {
        requests += 1
        return fetch(url, init)
      },
    })
  }

  test('a chat, with the id of its run', async () => {
    const answer = await client.chat.completions.create(ask)
    expect(answer.choices[0]?.message.content).toBe(sentence)
    expect(answer.usage?.prompt_tokens).toBe(10)
    expect(answer._request_id).toMatch(/^[0-9a-f-]{36}$/)
    const run = await fetch(`${world.baseUrl}/runs/${answer._request_id}`, {
      headers: { authorization: `Bearer ${clientToken}` },
    })
    expect(await run.json()).toMatchObject({ kind: 'chat' })
  })

  test('a stream, with its usage where that is asked for and nowhere else', async () => {
    const read = async (more: object) => {
      let text = ''
      let usage: unknown
      for await (const chunk of await client.chat.completions.create({ ...ask, ...more, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? ''
        usage = chunk.usage ?? usage
      }
      return { text, usage }
    }
    const usage = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 }
    expect(await read({ stream_options: { include_usage: true } })).toEqual({ text: sentence, usage })
    expect(await read({})).toEqual({ text: sentence, usage: undefined })
  })

  test('tools called at once, and their results sent back', async () => {
    const first = await client.chat.completions.create({
      ...ask,
      tools,
      tool_choice: 'auto',
      parallel_tool_calls: true,
    })
    const message = first.choices[0]?.message
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    expect(message?.tool_calls?.map((call) => call.type === 'function' && call.function.name)).toEqual([
      'weather',
      'time',
    ])
    expect(world.asked()).toMatchObject({ tools, tool_choice: 'auto', parallel_tool_calls: true })
    if (message === undefined) return
    const results = (message.tool_calls ?? []).map(({ id }) => ({
      role: 'tool' as const,
      tool_call_id: id,
      content: '{"ok":true}',
    }))
    const second = await client.chat.completions.create({ ...ask, tools, messages: [...messages, message, ...results] })
    expect(second.choices[0]?.message.content).toBe(sentence)
    expect(world.asked()['messages']).toEqual([...messages, message, ...results])
  })

  test('arguments of tools, streamed in pieces and put together by the client', async () => {
    const runner = client.chat.completions.stream({ ...ask, tools })
    const { choices } = await runner.finalChatCompletion()
    const calls = choices[0]?.message.tool_calls ?? []
    expect(calls.map((call) => call.type === 'function' && JSON.parse(call.function.arguments))).toEqual([
      { city: 'Köln', say: '"{}" 🌍' },
      { zone: 'Europe/Berlin' },
    ])
  })

  test('JSON by response_format, parsed by a schema', async () => {
    const Weather = z.object({ city: z.string(), degrees: z.number() })
    const format = zodResponseFormat(Weather, 'weather')
    const parsed = await client.chat.completions.parse({ ...ask, response_format: format })
    expect(parsed.choices[0]?.message.parsed).toEqual({ city: 'Köln', degrees: 21 })
    expect(world.asked()['response_format']).toEqual(JSON.parse(JSON.stringify(format)))

    const plain = await client.chat.completions.create({ ...ask, response_format: { type: 'json_object' } })
    expect(JSON.parse(plain.choices[0]?.message.content ?? '')).toEqual({ city: 'Köln', degrees: 21 })
  })

  test('several choices, log probabilities, stop, seed, effort, images and unheard-of fields pass', async () => {
    const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }
    const body = {
      model: 'openai/fake-large',
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'What is this?' }, image] }],
      n: 2,
      logprobs: true,
      top_logprobs: 1,
      stop: ['\n\n', 'END'],
      seed: 7,
      reasoning_effort: 'low' as const,
      max_completion_tokens: 99,
      made_up: { deep: [null, 1.5] },
    }
    const answer = await client.chat.completions.create(body)
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1])
    expect(answer.choices[1]?.logprobs?.content?.map(({ token }) => token).join('')).toBe(sentence)
    expect(world.asked()).toEqual({ ...body, model: 'fake-large' })

    const texts = ['', '']
    for await (const { choices } of await client.chat.completions.create({ ...body, stream: true })) {
      for (const { index, delta } of choices) texts[index] += delta.content ?? ''
    }
    expect(texts).toEqual([sentence, sentence])
  })

  test('embeddings, which this client asks for in base64 unless it is told otherwise', async () => {
    const model = 'openai/fake-embed'
    const packed = await client.embeddings.create({ model, input: ['ein Text', 'another'] })
    expect(world.asked()).toMatchObject({
      model: 'fake-embed',
      encoding_format: 'base64',
      input: ['ein Text', 'another'],
    })
    const plain = await client.embeddings.create({ model, input: ['ein Text', 'another'], encoding_format: 'float' })
    expect(packed.data.map(({ embedding }) => embedding)).toEqual(plain.data.map(({ embedding }) => embedding))
    expect(packed.data[0]?.embedding).toHaveLength(8)
    expect(packed.usage.prompt_tokens).toBe(6)
  })

  test('models, listed and one by one', async () => {
    const ids: string[] = []
    for await (const { id } of client.models.list()) ids.push(id)
    expect(ids).toContain('lattice/extract')
    expect(await client.models.retrieve('lattice/extract')).toMatchObject({ id: 'lattice/extract', object: 'model' })
    await expect(client.models.retrieve('none')).rejects.toBeInstanceOf(NotFoundError)
  })

  test('a wrong token is an AuthenticationError, and no model is asked', async () => {
    const stranger = clientOf(world.baseUrl, 'wrong').chat.completions.create(ask)
    await expect(stranger).rejects.toBeInstanceOf(AuthenticationError)
    expect([requests, world.model.callCount]).toEqual([1, 0])
  })

  test('a model nobody has is a NotFoundError that says what is missing', async () => {
    const failed = await failure(client.chat.completions.create({ ...ask, model: 'groq/any' }))
    expect(failed).toBeInstanceOf(NotFoundError)
    expect(failed).toMatchObject({ status: 404, code: 'model.unknown', type: 'invalid_request_error' })
    expect(failed.message).toContain('GROQ_API_KEY')
  })

  const outcomes = [
    [429, RateLimitError, 429, 'rate-limited'],
    [400, BadRequestError, 400, 'rejected'],
    [422, UnprocessableEntityError, 422, 'rejected'],
    [401, InternalServerError, 502, 'unauthorized'],
    [500, InternalServerError, 502, 'overloaded'],
    [503, InternalServerError, 502, 'overloaded'],
  ] as const
  test.each(outcomes)(
    'a model server that answers %i is an error of its own type, asked once',
    async (status, type, seen, code) => {
      for (const stream of [false, true]) {
        world.model.reset()
        await client.chat.completions.create(ask) // so that the provider is not left alone after its failures
        world.model.reset()
        requests = 0
        world.model.always({ fault: 'status', status, headers: { 'retry-after': '7' } })
        const failed = await failure(client.chat.completions.create({ ...ask, stream }))
        expect(failed).toBeInstanceOf(type)
        expect(failed).toMatchObject({ status: seen, code })
        expect(failed.requestID).toMatch(/^[0-9a-f-]{36}$/)
        expect(failed.headers?.get('x-should-retry')).toBe('false')
        if (status === 429) expect(failed.headers?.get('retry-after')).toBe('7')
        expect([requests, world.model.callCount]).toEqual([1, 1])
      }
    },
  )

  test('a budget that is spent is a 402 before the call', async () => {
    const failed = await failure(
      clientOf(world.poorBaseUrl).chat.completions.create({ ...ask, model: 'openai/gpt-4o' }),
    )
    expect(failed).toMatchObject({ status: 402, type: 'insufficient_quota' })
    expect([requests, world.model.callCount]).toEqual([1, 0])
  })

  test('a stream that breaks is an APIError in the middle of it', async () => {
    world.model.script('error-chunk')
    let text = ''
    const failed = await failure(
      (async () => {
        for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
          text += chunk.choices[0]?.delta.content ?? ''
        }
      })(),
    )
    expect(failed).toBeInstanceOf(APIError)
    expect(failed.message).toContain('The server had an error')
    expect(sentence.startsWith(text) && text !== '').toBe(true)
    expect(requests).toBe(1)
  })

  test('a client that aborts in the middle of a stream ends the call of the model', async () => {
    world.model.script('endless-stream')
    const stream = await client.chat.completions.create({ ...ask, stream: true })
    for await (const _ of stream) break
    stream.controller.abort()
    await eventually('the model server is still writing', () => world.model.calls[0]?.hungUp === true)
  })

  // The last one: the provider stays alone for half a minute.
  test('a provider that failed five times in a row is left alone: 503, and it is not asked', async () => {
    await client.chat.completions.create(ask)
    world.model.reset()
    requests = 0
    world.model.always({ fault: 'status', status: 500 })
    const errors: number[] = []
    while (errors.at(-1) !== 503 && errors.length < 7) {
      errors.push((await failure(client.chat.completions.create(ask))).status ?? 0)
    }
    expect(errors).toEqual([502, 502, 502, 502, 502, 503])
    expect([requests, world.model.callCount]).toEqual([6, 5])
  })
})

async function failure(work: Promise<unknown>): Promise<APIError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof APIError) return error
  throw new Error(`no APIError but ${String(error)}`)
}
