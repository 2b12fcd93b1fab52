/** The steps of a run: what goes to the model, what comes into the events. */
import { describe, expect, test } from 'vitest'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { openPrices, type Prices } from '#processors/budgets/prices.ts'
import type { ClaimCheck } from '#processors/journal/claim-check.ts'
import type { ModelProvider, ModelReply, ModelRequest } from '#processors/ports/model-provider.ts'
import { planAttempt } from '#processors/runs/attempt.step.ts'
import { retrieve } from '#processors/runs/retrieve.step.ts'
import { judgesByReading, validate } from '#processors/runs/validate.step.ts'
import { fold, happened } from './run-script.ts'

const claimCheck = {
  open: (value: unknown) => Promise.resolve(typeof value === 'string' ? value : 'opened'),
} as ClaimCheck
/** A clock whose every look is a third of a millisecond after the one before. */
function thirds() {
  let looks = 0
  return { ...createSystemClock(), monotonic: () => (looks += 1) / 3 }
}
const messages = JSON.stringify([
  { role: 'system', content: 'brief' },
  { role: 'user', content: 'question' },
])
const submitted = happened.submitted({ messages })
const step = { step: 'attempt', attempt: 1, tier: 0, choice: { provider: 'one', model: 'm' } } as const
const call = { signal: new AbortController().signal, timeoutMs: 1000 }

async function plan(events: Parameters<typeof fold>[0], reply?: ModelReply, prices?: Prices) {
  const requests: ModelRequest[] = []
  const provider = {
    name: 'one',
    url: 'http://127.0.0.1/v1',
    complete: (request: ModelRequest) => (requests.push(request), Promise.resolve(reply!)),
  } as unknown as ModelProvider
  const providers = () => (reply === undefined ? undefined : provider)
  const planned = await planAttempt(fold(events), step, {
    providers,
    claimCheck,
    clock: thirds(),
    report: () => {},
    ...(prices === undefined ? {} : { prices }),
  })
  return { planned, requests }
}
const passage = { chunk: 'd:0', path: 'README.md', score: 1, text: 'A passage.' }
const retrieved = {
  ...happened.retrieved(),
  data: { ...(happened.retrieved().data as object), passages: [passage] },
} as never

describe('an attempt', () => {
  const reply = { ok: true, content: 'hi', raw: '{"a":1}' } as ModelReply

  test('sends the messages as they stand, the passages before the question, and records just that', async () => {
    const { planned, requests } = await plan([submitted, happened.started(), retrieved], reply)
    const result = await planned.call(call)
    expect(requests[0]!.messages.map(({ role, content }) => [role, String(content).includes('A passage.')])).toEqual([
      ['system', false],
      ['system', true],
      ['user', false],
    ])
    expect(JSON.parse(planned.started.messages as string)).toEqual(requests[0]!.messages)
    expect(planned.started.url).toBe('http://127.0.0.1/v1')
    expect(result).toMatchObject({
      type: 'attempt.completed',
      data: { content: 'hi', raw: '{"a":1}', attempt: 1, provider: 'one' },
    })
    expect(result.data.durationMs).toBe(0.333)
  })

  test('says what it may cost before it is made, and what it did cost after', async () => {
    const rules = [{ pattern: 'one/m', input: 1, output: 2, maxOutput: 1000 }]
    const prices = openPrices({ rules, isLocal: () => false })
    const paid = { ...reply, promptTokens: 7, completionTokens: 3 } as ModelReply
    const { planned } = await plan([submitted, happened.started()], paid, prices)
    expect(planned.started.reservedMicroUsd).toBe(messages.length + '{}'.length + 2000)
    expect(await planned.call(call)).toMatchObject({ data: { costMicroUsd: 13, usageEstimated: false } })
    const stopped = { ...call, signal: AbortSignal.abort() }
    const cancelled = { ok: false, code: 'cancelled', message: '', raw: '', retryable: false } as ModelReply
    const never = await plan([submitted, happened.started()], cancelled, prices)
    expect(await never.planned.call(stopped)).toMatchObject({ data: { costMicroUsd: 0 } })
  })

  test('without passages adds nothing', async () => {
    const { requests, planned } = await plan([submitted, happened.started()], reply)
    await planned.call(call)
    expect(requests[0]!.messages).toEqual(JSON.parse(messages))
  })

  test('after a verdict tells the model what was wrong with its answer', async () => {
    const judged = happened.judged(1, false)
    const refused = {
      ...judged,
      data: { ...(judged.data as object), findings: [{ kind: 'Syntax', message: 'no JSON', path: null, code: null }] },
    } as never
    const { requests, planned } = await plan(
      [submitted, happened.started(), happened.attempted(1), happened.answered(1), refused],
      reply,
    )
    await planned.call(call)
    const [answer, feedback] = requests[0]!.messages.slice(-2)
    expect(answer).toEqual({ role: 'assistant', content: 'an answer' })
    expect(feedback?.content).toContain('- Syntax: no JSON')
  })

  test('that fails is an event with the raw body; a provider that is not there too', async () => {
    const failed = {
      ok: false,
      code: 'overloaded',
      message: 'busy',
      raw: '<html>',
      retryable: true,
      httpStatus: 503,
    } as ModelReply
    const { planned } = await plan([submitted, happened.started()], failed)
    expect(await planned.call(call)).toMatchObject({
      type: 'attempt.failed',
      data: { code: 'overloaded', raw: '<html>', httpStatus: 503 },
    })
    const nobody = await plan([submitted, happened.started()])
    expect(await nobody.planned.call(call)).toMatchObject({
      type: 'attempt.failed',
      data: { code: 'rejected', retryable: false },
    })
  })
})

test('a search records its query, its hits and the packed passages', async () => {
  const run = fold([
    happened.submitted({ messages, retrieval: { query: 'q', corpora: ['c'], k: 2, threshold: 0.5 } }),
    happened.started(),
  ])
  const hit = {
    chunk: 'd:0',
    document: 'd',
    path: 'p',
    heading: 'H',
    text: 'text',
    rank: 1,
    score: 0.9,
    relevant: true,
  }
  const asked: unknown[] = []
  const search = (query: unknown) => (
    asked.push(query),
    Promise.resolve({ hits: [hit], documents: 3, position: 'log/documents.v1:0:1' })
  )
  expect(await retrieve(run, { search, claimCheck, clock: thirds() })).toEqual({
    query: 'q',
    corpora: ['c'],
    documents: 3,
    position: 'log/documents.v1:0:1',
    durationMs: 0.333,
    hits: [{ chunk: 'd:0', document: 'd', path: 'p', rank: 1, score: 0.9, used: true }],
    passages: [{ chunk: 'd:0', path: 'p', score: 0.9, text: 'H\ntext' }],
  })
  expect(asked).toEqual([{ query: 'q', corpora: ['c'], k: 2, threshold: 0.5 }])
})

describe('[verdict.closed] a verdict', () => {
  const judge = (validator: string, content: string, answered = true) => {
    const run = fold([
      submitted,
      happened.started(),
      happened.attempted(1),
      ...(answered ? [happened.answered(1, { content })] : []),
    ])
    return validate(run, run.attempts[0]!, { validator, claimCheck, clock: thirds(), roster: undefined })
  }

  test('passes what its validator finds nothing in', async () => {
    expect(await judge('json', '{}')).toEqual({
      attempt: 1,
      validator: 'json',
      passed: true,
      findings: [],
      durationMs: 0.333,
      artifact: null,
      groundedInRoster: null,
    })
    expect(await judge('json', '{')).toMatchObject({ passed: false })
  })

  test.for(['none', 'toString', '__proto__', ''])('fails where there is no validator %j', async (name) => {
    expect(await judge(name, '{}')).toMatchObject({ passed: false, findings: [{ kind: 'Infrastructure' }] })
  })

  test('of one who looks workers up comes after the answer is on the log (R1); nobody else waits for that', () => {
    const reading = ['answered', 'json', 'json_schema', 'fill', 'email', 'playbook', 'toString'].filter(judgesByReading)
    expect(reading).toEqual(['fill', 'email', 'playbook'])
  })

  test('fails where there is no answer', async () => {
    expect(await judge('answered', '', false)).toMatchObject({ passed: false, findings: [{ kind: 'Completeness' }] })
  })
})
