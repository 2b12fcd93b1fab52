/** `kill -9` between the end of a replay and its row, and two processes at once: each replay has its row once. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { serving } from '#test/api/http/serving.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { startProgram } from './program.ts'

// Each test starts processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-kill-replay-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))

const rowsFile = (): string => join(folder, 'data', '_kb', 'replay_runs.jsonl')
const lines = (): string[] => (existsSync(rowsFile()) ? readFileSync(rowsFile(), 'utf8').split('\n') : [])
const whole = (): Record<string, unknown>[] =>
  lines().flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []))
const tasksLogged = (): unknown[] => whole().map((row) => row['input_task'])

async function killed(moment: 'before' | 'within' | 'after'): Promise<void> {
  const file = fileURLToPath(import.meta.resolve('#test/crash/replayer.ts'))
  const child = spawn(process.execPath, [file, folder, moment], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
}

const replay = (...args: readonly string[]) =>
  startProgram(['replay', ...args, '--dry-run', '--no-retrieval', '--json'], {
    folder,
    env: { LATTICE_PROVIDER_ORDER: 'groq' },
  }).ended

test('a server that starts writes the rows that were left, once each, beside those of others', async () => {
  mkdirSync(dirname(rowsFile()), { recursive: true })
  appendFileSync(rowsFile(), '{"schema":"replay_run.v1","recorded_run_id":"of another"}\n')
  for (const moment of ['before', 'within', 'after'] as const) await killed(moment)
  expect(tasksLogged()).toEqual([undefined, 'killed after'])
  {
    await using _server = await serving({ folder, stores: ['lookup'], env: { LH_DISTILL_ROOT: folder } })
    await eventually('all rows', () => whole().length >= 4)
  }
  // Another one finds nothing to write.
  await using _again = await serving({ folder, stores: ['lookup'], env: { LH_DISTILL_ROOT: folder } })
  await eventually('nothing is owed', () => {
    return (JSON.parse(readFileSync(join(folder, 'data/sinks/replays.json'), 'utf8')) as { owed: [] }).owed.length === 0
  })
  expect(new Set(tasksLogged())).toEqual(new Set([undefined, 'killed before', 'killed within', 'killed after']))
  expect(whole()).toHaveLength(4)
  expect(lines().filter((line) => line.startsWith('{') && !line.endsWith('}'))).toHaveLength(1)
  expect(whole().at(-1)).toMatchObject({ schema: 'replay_run.v1', validation_result: { passed: false } })
})

test('without a server the next replay writes it, below whichever root it was', async () => {
  await killed('before')
  const other = mkdtempSync(join(folder, 'other-'))
  const { code, stdout } = await replay('another task', '--root', other)
  expect(JSON.parse(stdout)).toMatchObject({ input_task: 'another task' })
  expect(code).toBe(1)
  expect(tasksLogged()).toEqual(['killed before'])
  expect(readFileSync(join(other, 'data/_kb/replay_runs.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(1)
})

test('several processes at once, beside a server: a row each', async () => {
  await using _server = await serving({ folder, stores: ['lookup'], env: { LH_DISTILL_ROOT: folder } })
  const tasks = ['one', 'two', 'three', 'four']
  const ended = await Promise.all(tasks.map((task) => replay(task)))
  expect(ended.filter(({ stdout }) => stdout === '')).toEqual([])
  const ids = ended.map(({ stdout }) => (JSON.parse(stdout) as Record<string, unknown>)['recorded_run_id'])
  const logged = whole().map((row) => row['recorded_run_id'])
  expect(logged).toHaveLength(tasks.length)
  expect(new Set(logged)).toEqual(new Set(ids))
})
