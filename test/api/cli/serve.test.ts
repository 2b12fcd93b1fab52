/** Commands beside a running `lattice serve`, which owns every store. One server for all of them. */
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { keyless, lattice, makeFolder, removeFolder, runIdIn, startLattice } from './cli-process.ts'
import type { Ended } from '#test/crash/program.ts'
import { type ServingProcess, startServing } from '#test/crash/serving-process.ts'

// Each test starts processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

let folder: string
let serving: ServingProcess
let env: Record<string, string>

beforeAll(async () => {
  folder = makeFolder()
  serving = await startServing({ folder, env: keyless })
  env = { ...keyless, LATTICE_PORT: new URL(serving.url).port }
})
afterAll(async () => {
  await serving.kill('SIGTERM')
  removeFolder(folder)
})

const here = (...args: string[]): Promise<Ended> => lattice(args, { folder, env })

test('run works, and waits for what the server folds', async () => {
  const result = await here('run', 'What does Tidewater keep?')
  expect(result).toMatchObject({ code: 0 })
  expect(result.stdout).toContain('harbour pilots')
  expect(existsSync(join(folder, 'runs', runIdIn(result), 'artifacts/output.txt'))).toBe(true)
})

test('logs --follow waits for a run that has not begun, prints each line once, and ends with the run', async () => {
  const posted = await fetch(`${serving.url}/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'What is kept?' }),
  })
  const { runId } = (await posted.json()) as { runId: string }
  const { code, stdout } = await here('logs', '--follow', runId)
  expect(code).toBe(0)
  const seqs = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { seq: number }).seq)
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  expect(stdout.match(/"event":"run_completed"/g)).toHaveLength(1)
  expect(stdout).toBe((await here('logs', runId)).stdout)
})

test('logs --follow of a chat run, which has no folder, says how it ended and where it is', async () => {
  const chat = await fetch(`${serving.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lattice/extract', messages: [{ role: 'user', content: 'What is kept?' }] }),
  })
  const runId = chat.headers.get('x-request-id') ?? ''
  expect(runId).not.toBe('')
  const { code, stderr } = await here('logs', '--follow', runId)
  expect(code).toBe(1)
  expect(stderr).toContain('a chat run has no run folder, and so no log: the run ended accepted')
  expect(stderr).toContain(`GET /v1/runs/${runId}`)
})

test('logs --follow waits for a run given by how its id begins, whose folder is not there yet', async () => {
  const runId = 'abcdef01-2345-8678-9abc-def012345678'
  const { child, ended } = startLattice(['logs', '--follow', 'abcdef01'], { folder, env })
  await new Promise<void>((resolve) => child.stderr?.once('data', () => resolve()))
  const own = join(folder, 'runs', runId)
  mkdirSync(own)
  writeFileSync(join(own, 'run.jsonl'), '{"ts":"x","event":"run_completed","outcome":"accepted","reason":null}\n')
  expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('run_completed') })
})

test('status shows every store, also those only the server can look into', async () => {
  const { code, stdout } = await here('status', '--json')
  const { stores, unseen } = JSON.parse(stdout) as { stores: { store: string; lag: number }[]; unseen: unknown[] }
  expect({ code, unseen }).toEqual({ code: 0, unseen: [] })
  expect(new Set(stores.map(({ store }) => store))).toEqual(new Set(['lookup', 'search', 'folders', 'warehouse']))
})

test('sql asks the server, for all that is on the log', async () => {
  await here('run', 'One more?')
  const events = await here('events', 'runs.v1', '--json')
  const { code, stdout } = await here('sql', "SELECT count(*) AS n FROM events WHERE topic = 'runs.v1'", '--json')
  expect({ code, rows: JSON.parse(stdout) as unknown }).toEqual({
    code: 0,
    rows: { n: events.stdout.trimEnd().split('\n').length },
  })
  const refused = await here('sql', 'DROP TABLE runs')
  expect(refused).toMatchObject({ code: 2, stdout: '' })
})

test('status and sql find the server by its data folder, wherever it listens', async () => {
  const unaware = { folder, env: keyless }
  const { unseen } = JSON.parse((await lattice(['status', '--json'], unaware)).stdout) as { unseen: unknown[] }
  expect(unseen).toEqual([])
  expect(await lattice(['sql', 'SELECT 1 AS one', '--json'], unaware)).toMatchObject({ code: 0, stdout: '{"one":1}\n' })
})

test.for(['lookup', 'folders', 'warehouse'] as const)(
  '[promote.clean] [replay.silent] %s is rebuilt beside the server, equal to the live one, promoted and rolled back, and the server switches',
  async (store) => {
    const rebuilt = JSON.parse((await here('store', 'rebuild', store, '--json')).stdout) as { build: string }
    expect(await here('store', 'diff', store, rebuilt.build)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^equal: /),
    })
    const liveBuild = async (): Promise<string | undefined> => {
      const { stores } = (await (await fetch(`${serving.url}/v1/stores`)).json()) as {
        stores: { name: string; build: string }[]
      }
      return stores.find(({ name }) => name === store)?.build
    }
    const before = await liveBuild()
    expect(await here('store', 'promote', store, rebuilt.build)).toMatchObject({ code: 0, stderr: '' })
    expect(await liveBuild()).toBe(rebuilt.build)
    const { code, stdout } = await here('store', 'rollback', store, '--json')
    expect({ code, ...(JSON.parse(stdout) as object) }).toEqual({
      code: 0,
      store,
      build: before,
      previous: rebuilt.build,
    })
    expect(await liveBuild()).toBe(before)
  },
)

test('a run after all that is folded as before', async () => {
  expect(await here('run', 'And now?')).toMatchObject({ code: 0 })
})

test('verify sees its task in every store', async () => {
  const { code, stdout } = await here('verify', '--json')
  const { checks } = JSON.parse(stdout) as { checks: { what: string; ok: boolean }[] }
  expect({ code, checks: checks.map(({ what, ok }) => [what, ok]) }).toEqual({
    code: 0,
    checks: [
      ['run', true],
      ['lookup', true],
      ['warehouse', true],
      ['folders', true],
    ],
  })
})

test('search gives the passages of the folder, with what has been added to it', async () => {
  appendFileSync(join(folder, 'documentation.txt'), 'The brass foghorn is tested on Thursdays.\n')
  const { code, stdout } = await here('search', 'When is the foghorn tested?', '--json')
  const { hits } = JSON.parse(stdout) as { hits: { path: string; relevant: boolean }[] }
  expect({ code, first: hits[0] }).toMatchObject({ code: 0, first: { path: 'documentation.txt', relevant: true } })
})

test('events --follow prints what comes, until it is interrupted', async () => {
  const { child, ended } = startLattice(['events', 'runs.v1', '--follow', '--json'], { folder, env })
  const seen = new Promise<void>((resolve) => {
    child.stdout?.on('data', (bytes: Buffer) => {
      if (bytes.includes('the one that is waited for')) resolve()
    })
  })
  await here('run', 'Is this the one that is waited for?')
  await seen
  child.kill('SIGINT')
  const { code, stdout } = await ended
  const offsets = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { position: { offset: number } }).position.offset)
  expect({ code, offsets }).toEqual({ code: 130, offsets: offsets.map((_, index) => index) })
})

test('a second server on the same port says so, and exits with 2', async () => {
  const result = await here('serve')
  expect(result).toMatchObject({ code: 2 })
  expect(result.stderr).toContain('cannot listen on 127.0.0.1')
})
