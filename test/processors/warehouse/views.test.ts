/** The views of the warehouse: given events, these rows. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import type { AnyStoredEvent } from '#processors/journal/read.ts'
import type { OpenStore } from '#processors/stores/store.ts'
import { warehouse, type WarehouseReads } from '#processors/warehouse/event-tables.ts'
import type { EventType } from '#schemas/catalog.ts'
import type { EventData } from '#schemas/generated.ts'

let store: OpenStore<WarehouseReads>
let offset: number

beforeEach(async () => {
  offset = 0
  store = await warehouse(() => openDuckdbColumnStore({ path: ':memory:' })).open('', { live: true })
})
afterEach(() => store.close())

/** An event at second `offset` of the first of January. */
function event<Type extends EventType>(
  type: Type,
  run: string,
  data: Partial<EventData[Type]>,
  accepted = true,
): AnyStoredEvent {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, offset)).toISOString()
  const id = `event-${offset}`
  return {
    type,
    data: { ...defaults, ...data },
    envelope: { id, type, source: '/test', subject: run, time, chain: { run, seq: offset, prev: '' } },
    position: { topic: 'runs.v1', partition: 0, offset },
    accepted,
    record: { offset: offset++, key: run, headers: {}, value: new Uint8Array() },
  } as unknown as AnyStoredEvent
}

/** Fields no view looks at, or whose value does not matter here. */
const defaults = {
  kind: 'task',
  messages: '[]',
  retrieval: null,
  ladder: [],
  validator: null,
  validatorOptions: null,
  parameters: '{}',
  limits: {},
  principal: 'local',
  interactive: false,
  folder: null,
  bodyHash: null,
  tags: { team: 'a' },
  redactions: 0,
  worker: 'w',
  reason: null,
  resumes: 1,
  artifact: null,
  groundedInRoster: null,
  query: 'q',
  corpora: [],
  documents: 1,
  hits: [],
  passages: [],
  position: '',
  attempt: 1,
  tier: 0,
  provider: 'groq',
  model: 'small',
  url: 'http://127.0.0.1',
  content: 'answer',
  raw: '{}',
  finishReason: 'stop',
  promptTokens: 10,
  completionTokens: 5,
  usageEstimated: false,
  costMicroUsd: 100,
  reservedMicroUsd: 0,
  delivered: false,
  requestId: null,
  durationMs: 50,
  code: 'rate-limited',
  message: 'slow down',
  httpStatus: 429,
  retryable: true,
  retryAfterMs: null,
  passed: true,
  findings: [],
  outcome: 'accepted',
  attempts: 1,
}

const fold = (events: readonly AnyStoredEvent[]): Promise<void> =>
  store.fold(events, { topic: 'runs.v1', partition: 0, next: offset, lastId: `event-${offset - 1}` })
const view = (sql: string): Promise<readonly Record<string, unknown>[]> => store.reads.query(sql)
const second = (n: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, n))

/** A run with a failed, a rejected and an accepted attempt, and what never happened. */
const oneRun = (): AnyStoredEvent[] => [
  event('task.submitted', 'r', { validator: 'json' }),
  event('run.started', 'r', {}),
  event('attempt.started', 'r', { attempt: 1 }),
  event('attempt.started', 'r', { attempt: 1, provider: 'zombie' }, false),
  event('attempt.failed', 'r', { attempt: 1, durationMs: 7 }),
  event('run.resumed', 'r', { reason: 'restart' }),
  event('attempt.started', 'r', { attempt: 2 }),
  event('attempt.completed', 'r', { attempt: 2, content: { sha256: 'abc', sizeBytes: 9 } }),
  event('verdict.reached', 'r', {
    attempt: 2,
    validator: 'json',
    passed: false,
    findings: [{ kind: 'syntax', message: 'no', path: null, code: null }],
  }),
  event('verdict.reached', 'r', { attempt: 2, validator: 'json', passed: true }, false),
  event('attempt.started', 'r', { attempt: 3, tier: 1, provider: 'openai', model: 'large' }),
  event('attempt.completed', 'r', {
    attempt: 3,
    provider: 'openai',
    model: 'large',
    promptTokens: null,
    completionTokens: 20,
    usageEstimated: true,
    costMicroUsd: 1000,
    durationMs: 150,
  }),
  event('verdict.reached', 'r', { attempt: 3, validator: 'json', passed: true }),
  event('run.completed', 'r', { attempt: 3, attempts: 3, durationMs: 999 }),
  event('run.completed', 'r', { outcome: 'abandoned' }, false),
]

describe('runs', () => {
  test('has one row a run, with how it ended and what it took', async () => {
    await fold([event('task.submitted', 'q', {}), ...oneRun()])
    await fold([event('task.submitted', 's', {}), event('run.started', 's', {}), event('attempt.started', 's', {})])
    await fold([event('task.submitted', 'never', {}, false)])
    const rows = await view(`SELECT * EXCLUDE (principal, interactive, folder, redactions) FROM runs ORDER BY run`)
    const nothing = { outcome: null, reason: null, provider: null, model: null, duration_ms: null, completed_at: null }
    const none = { resumes: 0, prompt_tokens: 0, completion_tokens: 0, cost_micro_usd: 0, validator: null }
    const same = { kind: 'task', tags: '{"team":"a"}' }
    expect(rows).toEqual([
      {
        ...same,
        ...nothing,
        ...none,
        run: 'q',
        status: 'queued',
        attempts: 0,
        submitted_at: second(0),
        started_at: null,
      },
      {
        ...same,
        run: 'r',
        status: 'done',
        outcome: 'accepted',
        reason: null,
        provider: 'openai',
        model: 'large',
        attempts: 3,
        resumes: 1,
        prompt_tokens: 10,
        completion_tokens: 25,
        cost_micro_usd: 1100,
        duration_ms: 999,
        submitted_at: second(1),
        started_at: second(2),
        completed_at: second(14),
        validator: 'json',
      },
      {
        ...same,
        ...nothing,
        ...none,
        run: 's',
        status: 'running',
        attempts: 1,
        submitted_at: second(16),
        started_at: second(17),
      },
    ])
  })
})

describe('attempts', () => {
  test('has one row an attempt, and nothing that did not happen', async () => {
    await fold(oneRun())
    const columns = 'attempt, tier, provider, status, passed, code, http_status, cost_micro_usd, duration_ms, content'
    const rows = await view(`SELECT ${columns}, content_sha256 FROM attempts ORDER BY attempt`)
    expect(rows.map((row) => Object.values(row))).toEqual([
      [1, 0, 'groq', 'failed', null, 'rate-limited', 429, null, 7, null, null],
      [2, 0, 'groq', 'completed', false, null, null, 100, 50, null, 'abc'],
      [3, 1, 'openai', 'completed', true, null, null, 1000, 150, 'answer', null],
    ])
  })
})

describe('rag_hits', () => {
  test('has one row a hit of a retrieval that happened', async () => {
    const hit = { chunk: 'c', document: 'd', path: 'README.md', rank: 1, score: 0.5, used: true }
    await fold([
      event('retrieval.completed', 'r', { hits: [hit, { ...hit, rank: 2, score: 1, used: false }] }),
      event('retrieval.completed', 'z', { hits: [hit] }, false),
      event('retrieval.completed', 'n', { hits: [] }),
    ])
    const rows = await view('SELECT run, rank, score, used, path, document, chunk, query FROM rag_hits ORDER BY rank')
    expect(rows.map((row) => Object.values(row))).toEqual([
      ['r', 1, 0.5, true, 'README.md', 'd', 'c', 'q'],
      ['r', 2, 1, false, 'README.md', 'd', 'c', 'q'],
    ])
  })
})

describe('verdicts', () => {
  test('has one row a verdict, with what was found', async () => {
    await fold(oneRun())
    const rows = await view(`SELECT attempt, validator, passed, findings_count, findings ->> '$[0].message' AS first
      FROM verdicts ORDER BY attempt`)
    expect(rows).toEqual([
      { attempt: 2, validator: 'json', passed: false, findings_count: 1, first: 'no' },
      { attempt: 3, validator: 'json', passed: true, findings_count: 0, first: null },
    ])
  })
})

describe('sums', () => {
  test('tokens_by_model counts attempts, tokens and cost', async () => {
    await fold(oneRun())
    expect(await view('SELECT * FROM tokens_by_model ORDER BY provider')).toEqual([
      {
        provider: 'groq',
        model: 'small',
        attempts: 2,
        completed: 1,
        failed: 1,
        passed: 0,
        prompt_tokens: 10,
        completion_tokens: 5,
        estimated: 0,
        cost_micro_usd: 100,
      },
      {
        provider: 'openai',
        model: 'large',
        attempts: 1,
        completed: 1,
        failed: 0,
        passed: 1,
        prompt_tokens: 0,
        completion_tokens: 20,
        estimated: 1,
        cost_micro_usd: 1000,
      },
    ])
  })

  test('cost_by_day goes by when the answer came', async () => {
    await fold(oneRun())
    offset = 24 * 60 * 60
    await fold([event('attempt.started', 'r', { attempt: 4 }), event('attempt.completed', 'r', { attempt: 4 })])
    await fold([event('attempt.started', 'r', { attempt: 5 })])
    const rows = await view(
      'SELECT day::VARCHAR AS day, provider, attempts, cost_micro_usd FROM cost_by_day ORDER BY ALL',
    )
    expect(rows.map((row) => Object.values(row))).toEqual([
      ['2026-01-01', 'groq', 2, 100],
      ['2026-01-01', 'openai', 1, 1000],
      ['2026-01-02', 'groq', 1, 100],
    ])
  })

  test('latency_percentiles are of completed attempts', async () => {
    const numbers = Array.from({ length: 101 }, (_, n) => n)
    await fold(numbers.map((n) => event('attempt.started', 'r', { attempt: n })))
    await fold(numbers.map((n) => event('attempt.completed', 'r', { attempt: n, durationMs: n })))
    await fold([event('attempt.started', 'x', {}), event('attempt.failed', 'x', { durationMs: 9999 })])
    expect(await view('SELECT * FROM latency_percentiles')).toEqual([
      { provider: 'groq', model: 'small', attempts: 101, p50_ms: 50, p90_ms: 90, p95_ms: 95, p99_ms: 99, max_ms: 100 },
    ])
  })

  test('events shows every event, also what did not happen', async () => {
    const events = oneRun()
    await fold(events)
    expect(await view('SELECT count(*) AS n, count(*) FILTER (NOT accepted) AS rejected FROM events')).toEqual([
      { n: events.length, rejected: 3 },
    ])
  })
})

describe('budgets', () => {
  test('has one row a budget and period, each call once, by its first settlement', async () => {
    const claim = (name: string) => ({ name, period: '2026-01-01', limitMicroUsd: 1000 })
    const asked = (reservation: string, ...names: string[]) =>
      event('budget.reserved', reservation, { reservation, run: reservation, microUsd: 500, budgets: names.map(claim) })
    const settled = (reservation: string, microUsd: number, reason = 'used') =>
      event('budget.settled', reservation, {
        reservation,
        run: reservation,
        microUsd,
        reason,
        estimated: reason !== 'used',
      })
    await fold([
      asked('a:1', 'llm', 'team'),
      settled('a:1', 70),
      settled('a:1', 500, 'lost'),
      asked('b:1', 'llm'),
      settled('b:1', 30, 'cut'),
      asked('c:1', 'llm'),
      settled('c:1', 0, 'released'),
      asked('refused:1', 'team'),
    ])
    expect(await view('SELECT * FROM budgets ORDER BY budget')).toEqual([
      {
        budget: 'llm',
        period: '2026-01-01',
        limit_micro_usd: 1000,
        paid_calls: 2,
        settled_micro_usd: 100,
        estimated_micro_usd: 30,
      },
      {
        budget: 'team',
        period: '2026-01-01',
        limit_micro_usd: 1000,
        paid_calls: 1,
        settled_micro_usd: 70,
        estimated_micro_usd: 0,
      },
    ])
  })
})
