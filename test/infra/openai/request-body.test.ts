/** What is sent is what the caller has set. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { requestBody, wantsUsage } from '#infra/openai/request-body.ts'

const ours = new Set(['model', 'messages', 'stream', 'stream_options', '__proto__'])
const parameters = fc
  .dictionary(fc.string(), fc.jsonValue())
  .map((all) => Object.fromEntries(Object.entries(all).filter(([field]) => !ours.has(field))))

function sent(parameters: object, options: { stream: boolean; askUsage: boolean }): Record<string, unknown> {
  const request = { model: 'm', messages: [{ role: 'user', content: 'x' }], parameters: { ...parameters } }
  return JSON.parse(requestBody(request, options) ?? '') as Record<string, unknown>
}

/** As JSON has it: no -0, nothing undefined. */
function asJson(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object
}

test('everything a client may send is in the body as it was', () => {
  const everything = {
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: {} } },
    logprobs: true,
    top_logprobs: 2,
    n: 3,
    stop: ['a'],
    seed: 0,
    temperature: 0,
    reasoning_effort: 'low',
    metadata: null,
    unheard_of: { deep: [1, null, ''] },
  }
  const base = { model: 'm', messages: [{ role: 'user', content: 'x' }] }
  expect(sent(everything, { stream: false, askUsage: true })).toEqual({ ...everything, ...base })
  fc.assert(
    fc.property(parameters, fc.boolean(), (parameters, stream) => {
      const streaming = stream ? { stream: true, stream_options: { include_usage: true } } : {}
      expect(sent(parameters, { stream, askUsage: true })).toEqual(asJson({ ...parameters, ...base, ...streaming }))
    }),
  )
})

test.for([
  [undefined, true, { include_usage: true }],
  [undefined, false, undefined],
  [{ include_usage: false }, true, { include_usage: true }],
  [{ include_usage: true, include_obfuscation: false }, false, { include_usage: true, include_obfuscation: false }],
  ['odd', true, { include_usage: true }],
] as const)('stream options %j, asking for the usage: %s, are sent as %j', ([given, askUsage, expected]) => {
  expect(sent({ stream_options: given }, { stream: true, askUsage })['stream_options']).toEqual(expected)
  expect(sent({ stream_options: given }, { stream: false, askUsage })).not.toHaveProperty('stream_options')
  const request = { model: 'm', messages: [], parameters: { stream_options: given } }
  expect(wantsUsage(request)).toBe(typeof given === 'object' && given.include_usage)
})
