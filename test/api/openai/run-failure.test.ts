/** What a client is told of a run without an answer. */
import { expect, test } from 'vitest'
import { failureOf } from '#api/openai/run-failure.ts'

const gone = new AbortController().signal
const position = { topic: 'runs.v1' as const, partition: 0, offset: 1 }
const down = {
  is: 'failed' as const,
  runId: 'r',
  position,
  reason: 'unreachable',
  provider: 'ollama',
  failure: { code: 'unreachable' as const, message: 'it can’t be reached' },
}
const hint = 'gpt-4o has no prefix, so local Ollama was asked; for OpenAI say openai/gpt-4o'

test('a name without a prefix that went to an Ollama that is not there says how OpenAI is asked', () => {
  expect(failureOf(down, { model: 'gpt-4o', gone })).toMatchObject({ status: 502 })
  expect(failureOf(down, { model: 'gpt-4o', gone }).message).toContain(hint)
  const lacks = { ...down, failure: { code: 'rejected' as const, message: 'no such model', httpStatus: 404 } }
  expect(failureOf(lacks, { model: 'gpt-4o', gone }).message).toContain(hint)
})

test('nobody else is told so', () => {
  for (const model of ['ollama/gpt-4o', 'kimi:cloud', undefined])
    expect(failureOf(down, { model, gone }).message).not.toContain('prefix')
  expect(failureOf(down, { model: 'gpt-4o', provider: 'ollama', gone }).message).not.toContain('prefix')
  expect(failureOf({ ...down, provider: 'openai' }, { model: 'gpt-4o', gone }).message).not.toContain('prefix')
})
