/** `POST /v1/replay` over real HTTP, with a fake model server behind it and the shared file on a real disk. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'

const root = mkdtempSync(join(tmpdir(), 'lattice-replay-'))
const rows = join(root, 'data', '_kb', 'replay_runs.jsonl')
const playbooks = [
  { rag_id: 'rag-1', title: 'Welders of Toledo', content: 'Call the foreman before seven; the gate opens at six.' },
  { id: 'rag-2', title: 'Ünïcode 😀', content: 'Größe der Mannschaft: fünf Schweißer für Łódź.' },
]
let server: Serving

beforeAll(async () => {
  mkdirSync(join(root, 'exports', 'rag'), { recursive: true })
  const lines = [...playbooks.map((one) => JSON.stringify(one)), '{"torn":', '']
  writeFileSync(join(root, 'exports', 'rag', 'playbooks.jsonl'), lines.join('\n'))
  server = await serving({ stores: ['lookup', 'search', 'folders'], env: { LH_DISTILL_ROOT: root } })
})
afterAll(async () => {
  await server.close()
  rmSync(root, { recursive: true, force: true })
})
beforeEach(() => {
  server.models.reset()
  rmSync(join(root, 'data'), { recursive: true, force: true })
})

const replay = (body: unknown): Promise<Answer> => server.ask('/v1/replay', { method: 'POST', body })
const loggedRows = (): ReturnType<typeof JSON.parse>[] =>
  readFileSync(rows, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const task = 'When does the gate open for welders of Toledo?'
const models = { local_model: 'small', escalation_model: 'large' }
const byModel = (answers: Readonly<Record<string, string>>): void =>
  server.models.answerWith((body) => answers[body.model ?? ''] ?? '')

test('an answer that passes: every field, and the same on the log and in the shared file', async () => {
  byModel({ small: 'The gate opens at six [1].' })
  const { status, json, headers } = await replay({ task, ...models })
  expect(status).toBe(200)
  expect(json).toEqual({
    input_task: task,
    task_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    retrieved_artifacts: { rag_ids: ['rag-1'] },
    context_bundle: {
      query: task,
      retrieved_playbooks: [
        { rag_id: 'rag-1', title: 'Welders of Toledo', score: expect.any(Number), content: playbooks[0]?.content },
      ],
    },
    model_response: 'The gate opens at six [1].',
    model_used: 'small',
    escalation_path: ['small'],
    validation_result: { passed: true, reasons: [] },
    recorded_run_id: expect.stringMatching(/^replay:[0-9a-f]{16}:[0-9a-f]{12}$/),
    recorded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    duration_ms: expect.any(Number),
  })
  expect(json.recorded_run_id.split(':')[1]).toBe(json.task_hash.slice(0, 16))
  expect(loggedRows()).toEqual([{ schema: 'replay_run.v1', ...json }])
  expect(Object.keys(loggedRows()[0])[0]).toBe('schema')

  const at = encodeURIComponent(headers.get('x-lattice-position') ?? '')
  const run = await server.ask(`/v1/runs/${encodeURIComponent(json.recorded_run_id)}?at=${at}&wait=5000`)
  expect(run.json).toMatchObject({ kind: 'replay', outcome: 'accepted', model: 'small' })
})

test('the stronger model recovers what the local one did not pass, and is told the same', async () => {
  byModel({ small: 'I cannot help with that.', large: 'At six [1].' })
  const { json } = await replay({ task, ...models, allow_escalation: true })
  expect(json).toMatchObject({
    model_response: 'At six [1].',
    model_used: 'large',
    escalation_path: ['small', 'large'],
    validation_result: { passed: true, reasons: ['recovered via escalation to large'] },
  })
  const [first, second] = server.models.calls.map(({ body }) => JSON.parse(body))
  expect(second.messages).toEqual(first.messages)
  expect(server.models.callCount).toBe(2)
})

test('both fail to pass: the reasons are those of the stronger one', async () => {
  byModel({ small: 'I cannot help with that.', large: ' ' })
  const { json } = await replay({ task, ...models, allow_escalation: true })
  expect(json).toMatchObject({
    model_used: 'large',
    validation_result: { passed: false, reasons: ['the response is empty'] },
  })
})

test('an escalation whose call fails leaves the local answer, and says both', async () => {
  byModel({ small: 'I cannot help with that.' })
  server.models.script('ok', { fault: 'status', status: 500 })
  const { json } = await replay({ task, ...models, allow_escalation: true })
  expect(json).toMatchObject({ model_response: 'I cannot help with that.', model_used: 'small' })
  expect(json.escalation_path).toEqual(['small', 'large'])
  expect(json.validation_result.passed).toBe(false)
  expect(json.validation_result.reasons.at(-1)).toMatch(/^escalation also failed: .*500/)
})

test('local_only wins over allow_escalation; one call is made', async () => {
  byModel({ small: 'I cannot help with that.' })
  const { status, json } = await replay({ task, ...models, allow_escalation: true, local_only: true })
  expect(status).toBe(200)
  expect(json).toMatchObject({ escalation_path: ['small'], validation_result: { passed: false } })
  expect(json.validation_result.reasons).toContain('the response refuses the task')
  expect(server.models.callCount).toBe(1)
})

test('a failed call is a result, on record, and not asked again', async () => {
  server.models.always({ fault: 'status', status: 503 })
  const { status, json } = await replay({ task, ...models })
  expect(status).toBe(200)
  expect(json.model_response).toBe('')
  expect(json.validation_result.reasons).toEqual([expect.stringMatching(/^local call failed: .*503/)])
  expect(server.models.callCount).toBe(1)
  expect(loggedRows()).toHaveLength(1)
})

test('without retrieval there is no bundle, and the ids are an empty list', async () => {
  byModel({ small: 'At six.' })
  const { json, text } = await replay({ task, ...models, no_retrieval: true })
  expect(json).toMatchObject({ context_bundle: null, validation_result: { passed: true } })
  expect(text).toContain('"rag_ids":[]')
  expect(server.models.calls[0]?.body).not.toContain('foreman')
})

test('a dry run asks no model and is on record; its second call is marked', async () => {
  const { json } = await replay({ task, ...models, dry_run: true, allow_escalation: true })
  expect(json).toMatchObject({ model_used: 'small', escalation_path: ['small'], validation_result: { passed: true } })
  expect(json.model_response).toContain('gate opens at six')

  const escalated = await replay({ task, ...models, dry_run: true, allow_escalation: true, no_retrieval: true })
  expect(escalated.json).toMatchObject({
    model_response: `${task}\n\n[ESCALATED]`,
    model_used: 'large',
    escalation_path: ['small', 'large'],
    validation_result: { passed: true, reasons: ['recovered via escalation to large'] },
  })
  expect(server.models.callCount).toBe(0)
  expect(loggedRows()).toHaveLength(2)
  expect(escalated.json.recorded_run_id).not.toBe(json.recorded_run_id)
})

test('the row keeps 4,000 characters of the response and cuts none in two; the answer and the run keep all', async () => {
  const long = `[1]${'😀ß'.repeat(3000)}`
  byModel({ small: long })
  const asked = `${task} Ünïcode – Łódź 😀`
  const { json, headers } = await replay({ task: asked, ...models })
  expect(json.model_response).toBe(long)
  const [row] = loggedRows()
  expect(row.model_response).toBe(Array.from(long).slice(0, 4000).join(''))
  expect(row.model_response.isWellFormed()).toBe(true)
  expect(row.input_task).toBe(asked)
  expect(row.retrieved_artifacts.rag_ids).toContain('rag-2')
  const at = encodeURIComponent(headers.get('x-lattice-position') ?? '')
  const run = await server.ask(`/v1/runs/${json.recorded_run_id}?at=${at}&wait=5000`)
  expect(run.json.answer).toBe(long)
})

test('a row that can not be written is a result and an error; it is written once it can be', async () => {
  byModel({ small: 'The gate opens at six [1].' })
  mkdirSync(rows, { recursive: true })
  const { status, json } = await replay({ task, ...models })
  expect(status).toBe(500)
  expect(json).toMatchObject({ model_response: 'The gate opens at six [1].', validation_result: { passed: true } })
  const { error, ...result } = json
  expect(error).toMatchObject({ code: 'store.stalled', message: expect.stringContaining('log replay evidence') })
  rmSync(rows, { recursive: true })
  const row = await eventually('the row', async () => {
    const isWhole = existsSync(rows) && readFileSync(rows, 'utf8').endsWith('\n')
    const all = isWhole ? loggedRows() : []
    return all.find(({ recorded_run_id: id }) => id === json.recorded_run_id)
  })
  expect(row).toEqual({ schema: 'replay_run.v1', ...result })
})

describe('with an Idempotency-Key', () => {
  const keyed = (key: string, body: object): Promise<Answer> =>
    server.ask('/v1/replay', {
      method: 'POST',
      body: { task, ...models, ...body },
      headers: { 'idempotency-key': key },
    })

  test('the same request gets the recorded result, and one row', async () => {
    byModel({ small: 'I cannot help with that.', large: 'At six [1].' })
    const first = await keyed('same', { allow_escalation: true })
    const again = await keyed('same', { allow_escalation: true })
    expect(again.json).toEqual(first.json)
    expect(first.json.validation_result.reasons).toEqual(['recovered via escalation to large'])
    expect([first, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true'])
    expect(again.headers.get('x-request-id')).toBe(first.headers.get('x-request-id'))
    expect(server.models.callCount).toBe(2)
    expect(loggedRows()).toEqual([{ schema: 'replay_run.v1', ...first.json }])
    expect(first.json.recorded_run_id).toMatch(/^replay:[0-9a-f]{16}:[0-9a-f]{12}$/)
    const run = await server.ask(`/v1/runs/${first.headers.get('x-request-id')}`)
    expect(run.json).toMatchObject({ kind: 'replay', outcome: 'accepted' })
  })

  test('another body is refused, also another task', async () => {
    byModel({ small: 'At six [1].' })
    await keyed('other', {})
    expect(await keyed('other', { task: 'Another?' })).toMatchObject({ status: 422, code: 'idempotency.conflict' })
    expect(await keyed('other', { dry_run: true })).toMatchObject({ status: 422, code: 'idempotency.conflict' })
    expect(server.models.callCount).toBe(1)
  })

  test('of two at once one is answered, and the other told to ask again', async () => {
    byModel({ small: 'At six [1].' })
    server.models.script({ fault: 'slow', ms: 300 })
    const both = await Promise.all([keyed('twice', {}), keyed('twice', {})])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    expect(both.map(({ code }) => code)).toContain('run.open')
    expect(loggedRows()).toHaveLength(1)
  })
})

test('many at once have a row each', async () => {
  byModel({ small: 'At six [1].' })
  const answers = await Promise.all(Array.from({ length: 12 }, () => replay({ task, ...models })))
  const ids = answers.map(({ json }) => json.recorded_run_id)
  const logged = loggedRows().map(({ recorded_run_id: id }) => id)
  expect(logged).toHaveLength(ids.length)
  expect(new Set(logged)).toEqual(new Set(ids))
})

test('a corpus that can not be read is an error, and nothing is asked', async () => {
  const file = join(root, 'exports', 'rag', 'playbooks.jsonl')
  const text = readFileSync(file)
  rmSync(file)
  mkdirSync(file)
  try {
    const { status, json } = await replay({ task, ...models })
    expect(status).toBe(503)
    expect(json.detail).toContain('load rag corpus')
    expect(server.models.callCount).toBe(0)
  } finally {
    rmSync(file, { recursive: true })
    writeFileSync(file, text)
  }
})

test('an empty task and a field nobody knows are refused', async () => {
  expect((await replay({ task: '  ' })).status).toBe(400)
  expect((await replay({ task, root: '/tmp' })).status).toBe(400)
})
