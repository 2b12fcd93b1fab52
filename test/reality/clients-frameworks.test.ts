/**
 * LangChain for Node and the Vercel AI SDK against a really served Lattice.
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import type { AIMessageChunk } from '@langchain/core/messages'
import { tool as langchainTool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { APICallError, embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { clientToken, openClientsWorld, sentence } from './clients.ts'
import type { ClientsWorld } from './clients.ts'

const Weather = z.object({ city: z.string(), degrees: z.number() })
const told = { city: 'Köln', degrees: 21 }

let world: ClientsWorld
beforeAll(async () => {
  world = await openClientsWorld()
}, 60_000)
afterAll(() => world.close())
beforeEach(() => world.model.reset())

describe('LangChain for Node', () => {
  const chat = () =>
    new ChatOpenAI({ model: 'openai/fake-small', apiKey: clientToken, configuration: { baseURL: world.baseUrl } })

  test('a chat and a stream', async () => {
    const answer = await chat().invoke('Where are you?')
    expect(answer.content).toBe(sentence)
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 10 })
    let text = ''
    for await (const chunk of await chat().stream('Where are you?')) text += chunk.text
    expect(text).toBe(sentence)
  })

  test('tools, streamed in pieces, and their results', async () => {
    const weather = langchainTool(({ city }) => `21 degrees in ${city}`, {
      name: 'weather',
      description: 'The weather of a city.',
      schema: z.object({ city: z.string(), say: z.string() }),
    })
    const bound = chat().bindTools([weather])
    let whole: AIMessageChunk | undefined
    for await (const chunk of await bound.stream('Where are you?')) whole = whole?.concat(chunk) ?? chunk
    const call = whole?.tool_calls?.[0]
    expect(call).toMatchObject({ name: 'weather', args: { city: 'Köln', say: '"{}" 🌍' } })
    if (whole === undefined || call === undefined) return
    const result = new ToolMessage({ content: '21 degrees in Köln', tool_call_id: call.id ?? '' })
    expect((await bound.invoke([new HumanMessage('Where?'), whole, result])).content).toBe(sentence)
    expect(world.asked().messages[2]?.content).toBe('21 degrees in Köln')
  })

  test('structured output and embeddings', async () => {
    const structured = chat().withStructuredOutput(Weather, { method: 'jsonSchema', name: 'weather' })
    expect(await structured.invoke('What is the weather?')).toEqual(told)
    const embeddings = new OpenAIEmbeddings({
      model: 'openai/fake-embed',
      apiKey: clientToken,
      configuration: { baseURL: world.baseUrl },
    })
    const [first, second] = await embeddings.embedDocuments(['ein Text', 'another'])
    expect(first).toHaveLength(8)
    expect(second).not.toEqual(first)
    expect(await embeddings.embedQuery('ein Text')).toEqual(first)
  })
})

describe('the Vercel AI SDK', () => {
  const lattice = () =>
    createOpenAICompatible({
      name: 'lattice',
      baseURL: world.baseUrl,
      apiKey: clientToken,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })
  const small = () => lattice()('openai/fake-small')

  test('a text and a stream', async () => {
    const whole = await generateText({ model: small(), prompt: 'Where are you?' })
    expect(whole.text).toBe(sentence)
    expect(whole.usage).toMatchObject({ inputTokens: 10, outputTokens: 4 })
    const streamed = streamText({ model: small(), prompt: 'Where are you?' })
    let text = ''
    for await (const piece of streamed.textStream) text += piece
    expect(text).toBe(sentence)
    expect(await streamed.usage).toMatchObject({ inputTokens: 10, outputTokens: 4 })
  })

  test('tools that are called, and the answer made of their results', async () => {
    const called: unknown[] = []
    const execute = (input: unknown) => {
      called.push(input)
      return 'ok'
    }
    const streamed = streamText({
      model: small(),
      prompt: 'Where are you?',
      tools: {
        weather: tool({
          inputSchema: z.object({ city: z.string(), say: z.string() }),
          execute,
        }),
        time: tool({
          inputSchema: z.object({ zone: z.string() }),
          execute,
        }),
      },
      stopWhen: stepCountIs(2),
    })
    expect(await streamed.text).toBe(sentence)
    expect(called).toEqual([{ city: 'Köln', say: '"{}" 🌍' }, { zone: 'Europe/Berlin' }])
    expect(world.asked().messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool'])
  })

  test('an object by a schema, and embeddings', async () => {
    const { output } = await generateText({
      model: small(),
      prompt: 'What is the weather?',
      output: Output.object({ schema: Weather }),
    })
    expect(output).toEqual(told)
    const { embeddings } = await embedMany({
      model: lattice().embeddingModel('openai/fake-embed'),
      values: ['ein Text', 'another'],
    })
    expect(embeddings.map((vector) => vector.length)).toEqual([8, 8])
  })

  test('an error of a model server, with its status', async () => {
    world.model.always({ fault: 'status', status: 400 })
    const failed: unknown = await generateText({ model: small(), prompt: 'Where?' }).catch((error: unknown) => error)
    expect(APICallError.isInstance(failed) && failed.statusCode).toBe(400)
    expect(world.model.callCount).toBe(1)
  })
})
