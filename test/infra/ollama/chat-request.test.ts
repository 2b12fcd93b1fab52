/** OpenAI's request as Ollama's. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chatRequest } from '#infra/ollama/chat-request.ts'
import type { ChatMessage } from '#processors/ports/model-provider.ts'

function written(parameters: object, messages: readonly ChatMessage[] = []) {
  return chatRequest({ model: 'm', messages, parameters: { ...parameters } }, false)
}

function messagesOf(messages: readonly ChatMessage[]): unknown {
  const { body, refused } = written({}, messages) as { body?: { messages: unknown }; refused?: string }
  return body?.messages ?? refused
}

const base = { model: 'm', messages: [], stream: false }

test.for([
  [{}, {}],
  [
    { temperature: 0, top_p: 0.5, seed: 1, stop: 'x', max_tokens: 5, presence_penalty: 1 },
    { options: { temperature: 0, top_p: 0.5, seed: 1, stop: ['x'], num_predict: 5, presence_penalty: 1 } },
  ],
  [{ max_completion_tokens: 7, stop: ['a', 'b'] }, { options: { num_predict: 7, stop: ['a', 'b'] } }],
  [{ temperature: 1, options: { temperature: 0, num_ctx: 8 } }, { options: { temperature: 0, num_ctx: 8 } }],
  [{ temperature: null }, {}],
  [{ response_format: { type: 'json_object' } }, { format: 'json' }],
  [
    { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } } },
    { format: { type: 'object' } },
  ],
  [{ response_format: { type: 'text' } }, {}],
  [{ reasoning_effort: 'high' }, { think: 'high' }],
  [{ reasoning_effort: 'none' }, { think: false }],
  [{ tools: [{ type: 'function' }] }, { tools: [{ type: 'function' }] }],
  [{ tools: [{ type: 'function' }], tool_choice: 'none' }, {}],
  [
    { keep_alive: '5m', think: true, logprobs: true, top_logprobs: 2, unheard_of: { a: 1 } },
    { keep_alive: '5m', think: true, logprobs: true, top_logprobs: 2, unheard_of: { a: 1 } },
  ],
  [{ stream: true, stream_options: {}, n: 2, model: 'y', messages: [1], parallel_tool_calls: true }, {}],
] as const)('%j is sent as %j', ([parameters, expected]) => {
  expect(written(parameters)).toEqual({ body: { ...base, ...expected } })
})

describe('messages', () => {
  test('texts of parts are joined, images go beside them', () => {
    const content = [
      { type: 'text', text: 'what is' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0=' } },
      { type: 'text', text: 'this?' },
    ]
    expect(messagesOf([{ role: 'user', content }])).toEqual([
      { role: 'user', content: 'what is\nthis?', images: ['iVBORw0='] },
    ])
  })

  test('a call and its result are told by the name of the tool', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Köln"}' } }
    expect(
      messagesOf([
        { role: 'developer', content: 'be brief' },
        { role: 'assistant', content: null, reasoning_content: 'hm', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c1', content: '20 °C' },
      ]),
    ).toEqual([
      { role: 'system', content: 'be brief' },
      {
        role: 'assistant',
        content: '',
        thinking: 'hm',
        tool_calls: [{ id: 'c1', function: { name: 'weather', arguments: { city: 'Köln' } } }],
      },
      { role: 'tool', content: '20 °C', tool_name: 'weather', tool_call_id: 'c1' },
    ])
  })

  test.for([
    [[{ type: 'image_url', image_url: { url: 'https://x/y.png' } }], 'an image that is no data: URL'],
    [[{ type: 'input_audio', input_audio: {} }], "a part of type 'input_audio'"],
    [[null], 'a part of a message that is no object'],
    [5, 'neither text nor parts'],
  ] as const)('%j is refused in words', ([content, reason]) => {
    expect(messagesOf([{ role: 'user', content }])).toContain(reason)
  })

  test('arguments that are no JSON are refused in words', () => {
    const tool_calls = [{ id: 'c', function: { name: 'f', arguments: '{"a":' } }]
    expect(messagesOf([{ role: 'assistant', content: '', tool_calls }])).toContain("a call of 'f'")
  })
})

test('any messages and parameters are written or refused', () => {
  const odd = fc.record({ role: fc.string(), content: fc.jsonValue(), tool_calls: fc.jsonValue() })
  fc.assert(
    fc.property(fc.array(odd), fc.dictionary(fc.string(), fc.jsonValue()), (messages, parameters) => {
      const { body, refused } = chatRequest({ model: 'm', messages, parameters }, true) as {
        body?: object
        refused?: string
      }
      expect(body === undefined ? typeof refused : body).toEqual(
        body === undefined ? 'string' : expect.objectContaining({ model: 'm', stream: true }),
      )
    }),
  )
})
