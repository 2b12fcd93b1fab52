/** `Idempotency-Key` on `POST /v1/chat/completions`: asked once, told as often and in whichever form it is asked for. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'
import { startFakeOllama } from '#test/fakes/ollama-server.ts'

const messages = [{ role: 'user', content: 'What is six times seven?' }]
const chat = { model: 'openai/m', messages }

function post(server: Serving, key: string, body: object = chat): Promise<Answer> {
  return server.ask('/v1/chat/completions', { method: 'POST', body, headers: { 'idempotency-key': key } })
}

/** The data of the events of a stream, which ends as it must. */
function eventsOf({ text }: Answer): { choices: { delta: Record<string, unknown>; finish_reason: unknown }[] }[] {
  const data = text.split('\n\n').filter((part) => part !== '')
  expect(data.at(-1)).toBe('data: [DONE]')
  return data.slice(0, -1).map((part) => JSON.parse(part.slice('data: '.length)))
}

const textOf = (answer: Answer): string =>
  eventsOf(answer)
    .map(({ choices }) => (choices[0]?.delta['content'] as string | null | undefined) ?? '')
    .join('')

describe('a request with the same key', () => {
  let server: Serving
  beforeAll(async () => {
    server = await serving({ stores: ['lookup'], worker: false })
  })
  afterAll(() => server.close())

  test('while the first is being answered is told so, and then gets its answer', async () => {
    server.models.script({ fault: 'slow', ms: 300 })
    const both = await Promise.all([post(server, 'at once'), post(server, 'at once')])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    const open = both.find(({ status }) => status === 409)
    expect(open?.json.error.code).toBe('run.open')
    const [first] = both.filter(({ status }) => status === 200)
    const again = await post(server, 'at once')
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.headers.get('x-request-id')).toBe(first?.headers.get('x-request-id'))
    expect(again.json).toEqual(first?.json)
    expect(server.models.callCount).toBe(1)
  })

  test.each([
    ['whole', 'streamed', false, true],
    ['streamed', 'whole', true, false],
    ['streamed', 'streamed', true, true],
  ] as const)('that was answered %s is answered %s from the log', async (first, second, once, twice) => {
    const key = `${first}, then ${second}`
    await post(server, key, { ...chat, stream: once })
    const calls = server.models.callCount
    const again = await post(server, key, { ...chat, stream: twice })
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    if (twice) expect(textOf(again)).toBe('forty-two')
    else
      expect(again.json).toMatchObject({ object: 'chat.completion', choices: [{ message: { content: 'forty-two' } }] })
    expect(server.models.callCount).toBe(calls)
  })

  test('tells tool calls whole that came in pieces', async () => {
    server.models.script('split-arguments')
    await post(server, 'tools', { ...chat, stream: true })
    const again = await post(server, 'tools')
    const [choice] = again.json.choices
    expect(choice.finish_reason).toBe('tool_calls')
    expect(JSON.parse(choice.message.tool_calls[1].function.arguments)).toEqual({ zone: 'Europe/Berlin' })
  })

  test('gets the failure that the first one got, streamed or not', async () => {
    server.models.script({ fault: 'status', status: 400 })
    const first = await post(server, 'refused')
    const again = await post(server, 'refused', { ...chat, stream: true })
    expect([first.status, again.status]).toEqual([400, 400])
    expect(again.json).toEqual(first.json)
  })
})

test('Ollama’s own form is told in OpenAI’s, again too', async () => {
  await using ollama = await startFakeOllama({ answer: 'forty-two' })
  const env = { LATTICE_PROVIDER: 'ollama', OLLAMA_URL: ollama.url }
  await using server = await serving({ env, stores: ['lookup'], worker: false })
  const body = { ...chat, model: 'ollama/m' }
  const first = await post(server, 'native', body)
  const again = await post(server, 'native', body)
  expect(again.json.choices).toEqual(first.json.choices)
  expect(textOf(await post(server, 'native', { ...body, stream: true }))).toBe('forty-two')
  expect(ollama.callCount).toBe(1)
})

test('after a restart the recorded answer is told, also when its provider is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lattice-again-'))
  try {
    {
      await using first = await serving({ folder, stores: ['lookup'], worker: false })
      expect((await post(first, 'restart', { ...chat, stream: true })).status).toBe(200)
    }
    {
      await using same = await serving({ folder, stores: ['lookup'], worker: false })
      expect((await post(same, 'restart')).json.choices[0].message.content).toBe('forty-two')
      expect(same.models.callCount).toBe(0)
    }
    const env = { LATTICE_PROVIDER: 'lattice', OPENAI_API_KEY: '' }
    await using without = await serving({ folder, env, stores: ['lookup'], worker: false })
    expect((await post(without, 'restart')).json.choices[0].message).toMatchObject({ content: 'forty-two' })
    expect(textOf(await post(without, 'restart', { ...chat, stream: true }))).toBe('forty-two')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
