/** Breakers around providers: what passes, what is told. */
import { expect, test } from 'vitest'
import { guardProviders } from '#processors/models/guard-providers.ts'
import type { ModelFailure, ModelProvider, ModelReply } from '#processors/ports/model-provider.ts'

const request = { model: 'm', messages: [], parameters: {} }
const options = { timeoutMs: 5000, signal: new AbortController().signal }
const good: ModelReply = { ok: true, content: 'ok', raw: '{}' }
const bad = (code: ModelFailure['code'], retryable: boolean): ModelReply => ({
  ok: false,
  code,
  message: '',
  raw: '',
  retryable,
})

function world(failures = 2) {
  const state = { now: 0, calls: 0, reply: good }
  const told: string[] = []
  const provider: ModelProvider = {
    name: 'groq',
    url: 'http://groq',
    defaultModel: 'm',
    async complete() {
      state.calls += 1
      return state.reply
    },
  }
  const guarded = guardProviders((name) => (name === 'groq' ? provider : undefined), {
    settings: { failures, coolDownMs: 100, longestCoolDownMs: 1000 },
    clock: { monotonic: () => state.now, now: () => 0, sleep: async () => {}, newId: () => '' },
    opened: (name, { reason, failures: count }) => told.push(`${name} opened: ${reason}, ${count}`),
    closed: (name, openMs) => told.push(`${name} closed after ${openMs}`),
  })
  const ask = async (reply: ModelReply, given = options): Promise<ModelReply | undefined> => {
    state.reply = reply
    return guarded.providers('groq')?.complete(request, given)
  }
  return { state, told, guarded, ask }
}

test('an open breaker answers at once and asks nobody, until a call may try', async () => {
  const { state, told, ask } = world()
  await ask(bad('overloaded', true))
  await ask(bad('unreachable', true))
  expect(told).toEqual(['groq opened: unreachable, 2'])
  expect(await ask(good)).toMatchObject({ ok: false, code: 'breaker-open', retryable: false })
  expect(state.calls).toBe(2)
  state.now = 100
  expect(await ask(good)).toEqual(good)
  expect(told.at(-1)).toBe('groq closed after 100')
})

test('a refusal is an answer: it counts for nothing, and 429 counts', async () => {
  const { told, ask } = world()
  for (const code of ['rejected', 'unauthorized', 'rejected'] as const) await ask(bad(code, false))
  expect(told).toEqual([])
  await ask(bad('rate-limited', true))
  await ask(bad('rate-limited', true))
  expect(told).toEqual(['groq opened: rate-limited, 2'])
})

test('what we ended ourselves says nothing: a cancelled call, a call without time', async () => {
  const { told, ask } = world(1)
  await ask(bad('cancelled', false))
  await ask(bad('timeout', true), { ...options, timeoutMs: 20 })
  expect(told).toEqual([])
})

test('a call that was admitted passes, though the breaker opens before it begins', async () => {
  const { state, guarded, ask } = world(1)
  const admission = guarded.admit('groq')
  await ask(bad('overloaded', true))
  expect(guarded.admit('groq')).toEqual({ is: 'resting', restMs: 100 })
  if (admission.is !== 'admitted') throw new Error('it was not admitted')
  state.reply = good
  expect(await admission.provider?.complete(request, options)).toEqual(good)
})

test('one call is admitted while it tries', async () => {
  const { state, guarded, ask } = world(1)
  await ask(bad('overloaded', true))
  state.now = 100
  expect(guarded.admit('groq').is).toBe('admitted')
  expect(guarded.admit('groq').is).toBe('resting')
})

test('0 failures means no breaker; a name nobody has is admitted as nobody', async () => {
  const { told, guarded, ask } = world(0)
  for (let call = 0; call < 10; call++) await ask(bad('overloaded', true))
  expect([told, guarded.admit('groq').is]).toEqual([[], 'admitted'])
  expect(guarded.admit('none')).toEqual({ is: 'admitted', provider: undefined })
})
