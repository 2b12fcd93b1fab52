/** `POST /v1/validate` over real HTTP, with a roster in a real file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import type { Answer, Serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'

const folder = mkdtempSync(join(tmpdir(), 'lattice-validate-'))
const roster = join(folder, 'workers.csv')
const workers = `worker_id,name,city,state,role,status,email,phone
W-1,Ann Alder,Louisville,KY,Welder,active,ann@example.org,502-555-0100
W-2,Ben Birch,Toledo,OH,Welder,active,ben@example.org,419-555-0101
W-3,Cid Cedar,Toledo,OH,Welder,active,,
`
let server: Serving
beforeAll(async () => {
  writeFileSync(roster, workers)
  server = await serving({ stores: ['lookup'], env: { LATTICE_ROSTER: roster } })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const validate = (body: unknown, at: Serving = server): Promise<Answer> =>
  at.ask('/v1/validate', { method: 'POST', body })
const welder = { target_count: 1, city: 'Toledo', state: 'OH', role: 'Welder' }

test('what passes is 200 and a report', async () => {
  const { status, json } = await validate({
    kind: 'fill',
    artifact: { fills: [{ candidate_id: 'W-2', name: 'Ben Birch' }] },
    context: { ...welder, anything: ['else'] },
  })
  expect(status).toBe(200)
  expect(json).toEqual({
    kind: 'fill',
    passed: true,
    findings: [],
    elapsed_ms: expect.any(Number),
    grounded_in_roster: true,
  })
})

test("the seed's own case: a worker of another city is 422, by a Consistency error", async () => {
  const artifact = { fills: [{ candidate_id: 'W-1', name: 'W-1' }] }
  const { status, json } = await validate({ kind: 'fill', artifact, context: { ...welder, state: undefined } })
  expect(status).toBe(422)
  expect(json).toMatchObject({
    error: {
      kind: 'Consistency',
      code: 'city-mismatch',
      message: "city 'Louisville' doesn't match contract city 'Toledo'",
      path: '/fills/0',
    },
    passed: false,
    grounded_in_roster: true,
  })
  expect(json.findings).toEqual([json.error])
})

test('what a model wrote is judged as text, with the JSON in it', async () => {
  const text = 'Here:\n```json\n{"fills": ["W-2"]}\n```'
  expect((await validate({ kind: 'fill', artifact: text, context: welder })).status).toBe(200)
  const without = await validate({ kind: 'fill', artifact: 'I can not.', context: welder })
  expect(without.json).toMatchObject({
    error: { kind: 'Syntax', code: 'no-json', message: "your response wasn't valid JSON" },
    grounded_in_roster: null,
  })
})

test('every kind is served', async () => {
  const passing = {
    answered: 'yes',
    json: [1],
    json_schema: { n: 1 },
    fill: ['W-2', 'W-3'],
    email: { to: 'ben@example.org', subject: 'Monday', body: 'Be at the gate at seven, Ben. Call 419-555-0101.' },
    playbook: { operation: 'fill Welder', steps: ['Call'], endorsed_names: ['Ben Birch'] },
  }
  for (const [kind, artifact] of Object.entries(passing)) {
    const context = kind === 'json_schema' ? { schema: { properties: { n: { type: 'integer' } } } } : {}
    const { status, text } = await validate({ kind, artifact, context })
    expect(status, text).toBe(200)
    expect((await validate({ kind, artifact: '', context })).status).toBe(422)
  }
})

test('an unknown kind is 400 and names those there are', async () => {
  const { status, json } = await validate({ kind: 'fills', artifact: {} })
  expect(status).toBe(400)
  for (const kind of ['answered', 'json', 'json_schema', 'fill', 'email', 'playbook'])
    expect(json.detail).toContain(`'${kind}'`)
})

test.for([
  [{ kind: 'fill' }, 'artifact'],
  [{ kind: 'fill', artifact: {}, context: { target_count: 0 } }, 'target_count'],
  [{ kind: 'fill', artifact: {}, context: { city: ' ' } }, 'city'],
  [{ kind: 'fill', artifact: {}, context: [] }, 'context'],
  [{ kind: 'fill', artifact: {}, roster: '/etc/passwd' }, 'roster'],
  [{ kind: 'json_schema', artifact: {} }, 'schema'],
  [{ kind: 'json_schema', artifact: {}, context: { schema: { type: 'objekt' } } }, 'schema'],
  [{ kind: 'json_schema', artifact: {}, context: { schema: { $ref: 'http://127.0.0.1:9/x' } } }, 'refers outside'],
] as const)('%j is refused, naming what is wrong', async ([body, named]) => {
  const { status, json } = await validate(body)
  expect(status).toBe(400)
  expect(json.detail).toContain(named)
})

test('without a roster nobody is looked up, and that is no verdict', async () => {
  await using bare = await serving({ stores: ['lookup'], worker: false })
  const { status, code, json } = await validate({ kind: 'fill', artifact: ['W-2'], context: welder }, bare)
  expect([status, code]).toEqual([400, 'roster.unconfigured'])
  expect(json.remedy).toContain('LATTICE_ROSTER')
  expect((await validate({ kind: 'answered', artifact: 'x' }, bare)).status).toBe(200)
})

test('a roster that is gone is 503, and looked at again when it is back; a change counts at once', async () => {
  const path = join(folder, 'moving.csv')
  await using moving = await serving({ stores: ['lookup'], worker: false, env: { LATTICE_ROSTER: path } })
  const ask = (): Promise<Answer> => validate({ kind: 'fill', artifact: ['W-1'], context: welder }, moving)
  expect(await ask()).toMatchObject({ status: 503, code: 'roster.unavailable' })
  writeFileSync(path, workers)
  expect(await ask()).toMatchObject({ status: 422 })
  writeFileSync(path, workers.replace('Louisville,KY', 'Toledo,OH'))
  expect(await ask()).toMatchObject({ status: 200 })
})

test('a task is judged by the same validators, and its findings have their codes', async () => {
  const submitted = await server.ask('/v1/tasks', {
    method: 'POST',
    body: { prompt: 'Who?', validator: 'fill', validatorOptions: welder, retrieval: false, maxAttempts: 1 },
  })
  expect(submitted.status).toBe(202)
  const run = await eventually('the run is done', async () => {
    const { json } = await server.ask(`/v1/runs/${submitted.json.runId}`)
    return json?.status === 'done' ? json : undefined
  })
  expect(run).toMatchObject({ outcome: 'rejected', attemptList: [{ findings: [{ kind: 'Syntax', code: 'no-json' }] }] })
})
