/** `lattice replay`, as a process, against a fake model server: what it prints, writes and ends with. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { lattice, makeFolder, removeFolder, startLattice } from './cli-process.ts'

// Each test starts processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const task = 'When does the gate open for welders of Toledo?'
const playbook = { rag_id: 'rag-1', title: 'Welders of Toledo', content: 'The gate opens at six.' }
const passing = 'The gate opens at six [1].'
let folder: string
let models: FakeOpenAi
let env: Record<string, string>

beforeAll(async () => {
  models = await startFakeOpenAi({ answer: passing })
  env = { LATTICE_PROVIDER: 'openai', OPENAI_API_KEY: 'of-the-fake-server', OPENAI_BASE_URL: models.url }
})
afterAll(() => models.close())
beforeEach(() => {
  models.reset()
  models.answerWith(passing)
  folder = makeFolder()
  withPlaybooks(folder)
  return () => removeFolder(folder)
})

function withPlaybooks(root: string): void {
  mkdirSync(join(root, 'exports', 'rag'), { recursive: true })
  writeFileSync(join(root, 'exports', 'rag', 'playbooks.jsonl'), `${JSON.stringify(playbook)}\n`)
}

const rowsIn = (root: string): Record<string, unknown>[] => {
  const path = join(root, 'data', '_kb', 'replay_runs.jsonl')
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const replay = (args: readonly string[], more: Record<string, string> = {}) =>
  lattice(['replay', ...args], { folder, env: { ...env, ...more } })

async function runs(): Promise<Record<string, unknown>[]> {
  const { stdout } = await lattice(['runs', '--json'], { folder, env })
  return JSON.parse(stdout) as Record<string, unknown>[]
}

test('an answer that passes: it alone is on stdout, exit code 0, and its row is below the current folder', async () => {
  const { code, stdout, stderr } = await replay([task, '--local-model', 'openai/small'])
  expect([code, stdout]).toEqual([0, `${passing}\n`])
  expect(stderr).toMatch(/^passed$/m)
  expect(stderr).toMatch(/^models {4}openai\/small$/m)
  const [row] = rowsIn(folder)
  expect(row).toMatchObject({ schema: 'replay_run.v1', input_task: task, retrieved_artifacts: { rag_ids: ['rag-1'] } })
  expect(stderr).toContain(`run id    ${String(row?.['recorded_run_id'])}`)
  expect(JSON.parse(models.calls[0]?.body ?? '')).toMatchObject({ model: 'small' })
})

test('--json is the whole result; an answer that does not pass is exit code 1, and recovered it is 0', async () => {
  models.answerWith(({ model }) => (model === 'large' ? passing : 'I cannot help with that.'))
  const names = ['--local-model', 'openai/small', '--escalation-model', 'openai/large', '--json']
  const refused = await replay([task, ...names])
  expect(refused.code).toBe(1)
  const recovered = await replay([task, '--allow-escalation', ...names])
  expect(recovered.code).toBe(0)
  const results = [refused, recovered].map(({ stdout }) => JSON.parse(stdout) as Record<string, unknown>)
  expect(results).toMatchObject([
    { escalation_path: ['openai/small'], validation_result: { passed: false } },
    {
      escalation_path: ['openai/small', 'openai/large'],
      model_used: 'openai/large',
      validation_result: { passed: true, reasons: ['recovered via escalation to openai/large'] },
    },
  ])
  expect(rowsIn(folder)).toEqual(results.map((result) => ({ schema: 'replay_run.v1', ...result })))
})

test('a failed call is a result, exit code 1, and on record', async () => {
  models.always({ fault: 'status', status: 503 })
  const { code, stdout, stderr } = await replay([task, '--local-model', 'openai/small', '--local-only'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain('--local-model')
  expect(stderr).toMatch(/^not passed: local call failed: .*503/m)
  expect(rowsIn(folder)).toMatchObject([{ model_response: '', validation_result: { passed: false } }])
})

test('a dry run asks nobody and is on record; its second call is marked', async () => {
  const { code, stdout } = await replay([task, '--dry-run', '--allow-escalation', '--no-retrieval'])
  expect([code, stdout]).toEqual([0, `${task}\n\n[ESCALATED]\n`])
  expect(models.callCount).toBe(0)
  expect(rowsIn(folder)).toMatchObject([
    {
      context_bundle: null,
      retrieved_artifacts: { rag_ids: [] },
      escalation_path: ['qwen3.5:latest', 'kimi-k2.6:cloud'],
    },
  ])
})

test('--root goes before LH_DISTILL_ROOT, and that before the current folder', async () => {
  const [given, flagged] = [join(folder, 'given'), join(folder, 'flagged')]
  for (const root of [given, flagged]) withPlaybooks(root)
  await replay([task, '--dry-run'], { LH_DISTILL_ROOT: given })
  await replay([task, '--dry-run', '--root', 'flagged'], { LH_DISTILL_ROOT: given })
  expect([rowsIn(folder), rowsIn(given), rowsIn(flagged)].map((rows) => rows.length)).toEqual([0, 1, 1])
})

test('LH_GATEWAY_URL is asked for every model, by the name it was given', async () => {
  await using gateway = await serving({ stores: ['lookup'], worker: false })
  gateway.models.answerWith(({ model }) => (model === 'large' ? passing : ''))
  const names = ['--local-model', 'openai/small', '--escalation-model', 'openai/large']
  const { code, stdout, stderr } = await replay([task, '--allow-escalation', ...names], { LH_GATEWAY_URL: gateway.url })
  expect([code, stdout, stderr]).toEqual([0, `${passing}\n`, expect.stringContaining('openai/small → openai/large')])
  expect(gateway.models.calls.map(({ body }) => (JSON.parse(body) as { model: string }).model)).toEqual([
    'small',
    'large',
  ])
  expect(models.callCount).toBe(0)
  const gone = await replay([task, '--local-model', 'openai/small'], { LH_GATEWAY_URL: 'http://127.0.0.1:9' })
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringMatching(/local call failed: .*127\.0\.0\.1:9/)])
})

test('a row that can not be written: the result is printed, then the error, exit code 3', async () => {
  const path = join(folder, 'data', '_kb', 'replay_runs.jsonl')
  mkdirSync(path, { recursive: true })
  const { code, stdout, stderr } = await replay([task, '--dry-run', '--json'])
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({ input_task: task, validation_result: { passed: true } })
  expect(stderr).toMatch(/^error: log replay evidence: .*replay_runs\.jsonl/m)
})

test('a corpus that can not be read is exit code 3, also without retrieval, and nothing is asked', async () => {
  const root = join(folder, 'broken')
  mkdirSync(join(root, 'exports', 'rag', 'playbooks.jsonl'), { recursive: true })
  const { code, stdout, stderr } = await replay([task, '--no-retrieval', '--root', root])
  expect([code, stdout]).toEqual([3, ''])
  expect(stderr).toContain('load rag corpus')
  expect(models.callCount).toBe(0)
})

test.for([
  [[], /there is no task to replay/],
  [['  '], /there is no task to replay/],
  [[task, '--model', 'openai/m'], /--model: of past runs/],
  [[task, '--run', 'r'], /not replayed at once/],
  [['--run', 'r'], /nothing is to be different/],
  [['--run', 'r', '--model', 'openai/m', '--dry-run'], /--dry-run: not of a past run/],
  [['--runs', 'true', '--model', 'openai/m', '--limit', '0'], /--limit/],
] as const)('%j is wrong usage, exit code 2', async ([args, message]) => {
  const { code, stdout, stderr } = await replay(args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(message)
})

test('an interrupt cancels the run on the log, exit code 130', async () => {
  models.script('hang-before-headers')
  const { child, ended } = startLattice(['replay', task, '--local-model', 'openai/small'], { folder, env })
  await eventually('the call', () => models.calls.length === 1)
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
  expect(await runs()).toMatchObject([{ kind: 'replay', outcome: 'cancelled' }])
  expect(rowsIn(folder)).toMatchObject([{ validation_result: { passed: false } }])
})

describe('of past runs', () => {
  const past = async (...prompts: readonly string[]): Promise<void> => {
    models.answerWith('It was seven.')
    for (const prompt of prompts) await lattice(['run', prompt, '--no-rag'], { folder, env })
    models.answerWith(passing)
  }

  test('--run asks another model the same messages and lays both side by side; the past run stays as it was', async () => {
    await past('When?')
    const before = await runs()
    const runId = String(before[0]?.['runId'])
    const { code, stdout } = await replay(['--run', runId, '--model', 'openai/other', '--json'])
    expect(code).toBe(0)
    const report = JSON.parse(stdout) as { runs: Record<string, unknown>[]; tests: object }
    expect(report).toMatchObject({
      model: 'openai/other',
      runs: [{ original: { runId, answer: 'It was seven.' }, replayed: { model: 'other', answer: passing } }],
      skipped: [],
      tests: { verdict: { ties: 1, p: 1 } },
    })
    expect(JSON.parse(models.calls.at(-1)?.body ?? '')).toMatchObject({
      model: 'other',
      messages: (JSON.parse(models.calls[0]?.body ?? '') as { messages: unknown[] }).messages,
    })
    const text = await replay(['--run', runId, '--system', 'Be brief.'])
    expect([text.code, text.stdout]).toEqual([0, expect.stringContaining(runId)])
    const after = await runs()
    expect(after).toHaveLength(3)
    expect(after).toContainEqual(before[0])
  })

  test('--runs takes a condition over the view runs; one that is not there is left out, exit code 1', async () => {
    await past('One?', 'Two?')
    const all = await replay(['--runs', "kind = 'task' -- all of them", '--model', 'openai/other', '--json'])
    expect(all.code).toBe(0)
    expect((JSON.parse(all.stdout) as { runs: unknown[] }).runs).toHaveLength(2)
    const none = await replay(['--runs', "kind = 'chat'", '--model', 'openai/other'])
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no runs')])
    const unknown = await replay(['--run', 'nothing', '--model', 'openai/other'])
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('left out nothing: run.unknown')])
  })
})
