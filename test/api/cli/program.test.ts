/** What all commands share: usage errors, exit codes, pipes; and the commands that need no server, in one folder. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { validators } from '#processors/validation/validators.ts'
import { markImport } from '#processors/transfer/unfinished-import.query.ts'
import { keyless, lattice, makeFolder, removeFolder, runIdIn, shell, startLattice } from './cli-process.ts'
import type { Ended } from '#test/crash/program.ts'

// Each test starts processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

let folder: string
let first: Ended

beforeAll(async () => {
  folder = makeFolder()
  first = await lattice(['run', 'What does Tidewater keep?'], { folder })
})
afterAll(() => removeFolder(folder))

const here = (...args: string[]): Promise<Ended> => lattice(args, { folder })

test('the version is that of the package', async () => {
  expect(await here('--version')).toMatchObject({ code: 0, stdout: '0.1.0\n', stderr: '' })
})

test.for([
  [['bogus'], "unknown command 'bogus'"],
  [['run'], "missing required argument 'prompt'"],
  [['run', 'one', 'two'], 'too many arguments'],
  [['run', 'x', '--bogus'], "unknown option '--bogus'"],
  [['store'], 'Usage: lattice store'],
  [['store', 'bogus'], "unknown command 'bogus'"],
  [['store', 'rebuild'], '(lattice store rebuild --help shows what it takes)'],
  [['store', 'remove', 'lookup', '--bogus'], '(lattice store remove --help shows what it takes)'],
  [['run', ' '], 'the prompt is empty'],
  [['logs', '--follow'], '--follow needs a run id'],
  [['events', 'bogus'], 'lattice events --help'],
  [['store', 'rebuild', 'bogus'], 'there is no store bogus; there are: lookup, search, folders, warehouse'],
  [['events', 'bogus'], 'there is no topic bogus'],
  [['events', 'runs.v1', '--from', '-1'], "--from can't be '-1'"],
  [['sql', 'SELECT 1', '--limit', '0'], "--limit can't be '0': it takes a whole number from 1 to 100000"],
  [['search', 'x', '--limit', 'ten'], "--limit can't be 'ten'"],
  [['serve', '--role', 'cook'], 'there is no role cook'],
  [['serve', '--port', '99999'], "--port can't be '99999'"],
  [['serve', '--host', '0.0.0.0'], 'LATTICE_AUTH_TOKEN'],
  [['logs', '../../etc'], 'is no run id'],
  [['completion', 'csh'], 'bash, zsh, fish'],
  [['--log', 'carrier-pigeon:', 'status'], 'embedded:<folder>, redis://'],
] as const)('%j is refused in a line that helps, exit code 2', async ([args, message]) => {
  const result = await here(...args)
  expect(result).toMatchObject({ code: 2, stdout: '' })
  expect(result.stderr).toContain(message)
  expect(result.stderr).not.toMatch(/^ {4}at /m)
})

test.for([
  [['logs', 'nobody'], 1, 'there is no log of run nobody'],
  [['logs', '--follow', 'nobody'], 1, 'the event log has no such run'],
  [['dead-letters', 'show', 'nobody'], 1, 'there is no dead letter nobody'],
  [['store', 'diff', 'lookup'], 1, 'store lookup has no other build'],
  [['store', 'rollback', 'lookup'], 1, 'has no build before the live one'],
  [['store', 'remove', 'lookup', 'nobody'], 1, 'store lookup has no build nobody'],
  [['--log', 'redis://127.0.0.1:9', 'status'], 3, '127.0.0.1:9'],
] as const)('%j ends with %d', async ([args, code, message]) => {
  const result = await here(...args)
  expect(result).toMatchObject({ code, stdout: '' })
  expect(result.stderr).toContain(message)
})

test('questions in SQL at the same time wait for one another', async () => {
  const asked = await Promise.all([1, 2, 3].map((n) => here('sql', `SELECT ${n} AS n`, '--json')))
  expect(asked.map(({ code, stdout, stderr }) => (code === 0 ? stdout : stderr))).toEqual(
    [1, 2, 3].map((n) => `{"n":${n}}\n`),
  )
})

test('logs prints whole lines of JSON, the last says how the run ended', async () => {
  const { code, stdout } = await here('logs', runIdIn(first))
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string })
  expect({ code, last: rows.at(-1) }).toMatchObject({ code: 0, last: { event: 'run_completed', outcome: 'accepted' } })
  expect((await here('logs', '--follow', runIdIn(first))).stdout).toBe(stdout)
})

test('runs lists the last runs, and logs without a run id does the same; an id may be given by how it begins', async () => {
  const runId = runIdIn(first)
  const listed = await here('runs', '--limit', '1')
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(listed.stdout).toContain(runId)
  expect(listed.stdout).toMatch(/^run id +when +kind +outcome +reason +prompt$/m)
  expect(listed.stdout).toMatch(/task +accepted +What does Tidewater keep\?$/m)
  expect((await here('logs', '--limit', '1')).stdout).toBe(listed.stdout)
  expect(JSON.parse((await here('runs', '--json')).stdout)).toMatchObject([{ runId, outcome: 'accepted' }])
  expect((await here('logs', runId.slice(0, 8))).stdout).toBe((await here('logs', runId)).stdout)

  const twin = `${runId.slice(0, 8)}-twin`
  mkdirSync(join(folder, 'runs', twin))
  const both = await here('logs', runId.slice(0, 8))
  expect(both).toMatchObject({ code: 2, stdout: '' })
  expect(both.stderr).toContain(`2 run ids begin with ${runId.slice(0, 8)}`)
  removeFolder(join(folder, 'runs', twin))
})

test('what a killed process leaves in the locks folder, the next one removes', async () => {
  const locks = join(folder, 'data', 'locks')
  const left = (): string[] => readdirSync(locks).filter((name) => /^process-.*\.lock$/.test(name))
  /** A young file may be of a process that has not locked it yet. */
  const age = (): void => {
    for (const name of left()) utimesSync(join(locks, name), 0, 0)
  }
  const { child, ended } = startLattice(['events', 'runs.v1', '--follow'], { folder })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  const held = left()
  age()
  await here('status')
  expect({ held: held.length, kept: left() }).toEqual({ held: 1, kept: held })
  child.kill('SIGKILL')
  await ended
  expect(left()).toEqual(held)
  await here('status')
  expect(left()).toEqual([])
})

test('a build nobody promoted is listed as what it is, and removed; the live one never is', async () => {
  const own = ['--data', 'builds', '--runs-dir', 'builds-runs'] as const
  await here(...own, 'run', 'What does Tidewater keep?')
  const list = async () =>
    JSON.parse((await here(...own, 'store', 'list', '--json')).stdout) as {
      store: string
      state: string
      build: string
    }[]
  const lookups = async () => (await list()).filter(({ store }) => store === 'lookup')
  const live = (await lookups())[0]?.build ?? ''
  await here(...own, 'store', 'rebuild', 'lookup')
  expect((await lookups()).map(({ state }) => state)).toEqual(['live', 'built'])
  expect((await here(...own, 'store', 'list')).stdout).toContain('rebuilt, not live')

  const orphan = `1-${live.slice(0, -4)}dead`
  mkdirSync(join(folder, 'builds/stores/lookup', orphan))
  expect((await lookups()).find(({ build }) => orphan.endsWith(build))?.state).toBe('left')

  for (const { build } of (await lookups()).filter(({ state }) => state !== 'live')) {
    expect(await here(...own, 'store', 'remove', 'lookup', build)).toMatchObject({ code: 0, stderr: '' })
  }
  expect(await lookups()).toMatchObject([{ build: live, state: 'live' }])
  const refused = await here(...own, 'store', 'remove', 'lookup', live)
  expect(refused.code).toBe(3)
  expect(refused.stderr).toContain('is the live build of lookup')
})

test('a command that asks no model loads nothing that asks one', async () => {
  const loadedBy = async (...args: string[]): Promise<boolean> => {
    const coverage = mkdtempSync(join(tmpdir(), 'lattice-loaded-'))
    const { code } = await lattice(args, { folder, env: { ...keyless, NODE_V8_COVERAGE: coverage } })
    expect(code).toBe(0)
    const loaded = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), 'utf8'))
    removeFolder(coverage)
    expect(loaded.join('')).toContain('commander')
    return loaded.some((text) => text.includes('node_modules/undici/'))
  }
  expect(await loadedBy('--help')).toBe(false)
  expect(await loadedBy('status')).toBe(false)
  expect(await loadedBy('events', 'runs.v1')).toBe(false)
  expect(await loadedBy('search', 'lighthouse')).toBe(false)
  expect(await loadedBy('doctor')).toBe(true)
})

test('events go from an offset on, decoded', async () => {
  const all = (await here('events', 'runs.v1', '--json')).stdout.trimEnd().split('\n')
  const rest = (await here('events', 'runs.v1', '--from', '3', '--json')).stdout.trimEnd().split('\n')
  expect(rest).toEqual(all.slice(3))
  expect(JSON.parse(all[0] ?? '')).toMatchObject({ type: 'task.submitted', position: { topic: 'runs.v1', offset: 0 } })
  const { stdout } = await here('events', 'runs.v1')
  expect(stdout.trimEnd().split('\n')).toHaveLength(all.length)
})

test('a reader that leaves ends the command quietly', async () => {
  const follow = await shell('"$0" "$@" | head -n 1', ['events', 'runs.v1', '--follow'], { folder })
  expect(follow).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('task.submitted') })
})

test('status and sql work with no server, and colour nothing that is no terminal', async () => {
  const sql = await here('sql', 'SELECT run, outcome FROM runs')
  expect(sql).toMatchObject({ code: 0, stderr: '' })
  expect(sql.stdout).toBe(`run${' '.repeat(35)}outcome\n${runIdIn(first)}  accepted\n`)
  const status = await here('status')
  expect(status.code).toBe(0)
  expect(status.stderr).toBe('')
  expect(status.stdout).toMatch(/^warehouse +runs\.v1 +0 +\d+ +\d+ +0 +0$/m)
  expect(status.stdout).toMatch(/^folders +runs\.v1 +0 +\d+ +\d+ +0 +0$/m)
  expect(status.stdout).not.toContain('\u001b')
})

test('doctor says what is missing and how to mend it, and no secret', async () => {
  const env = {
    LATTICE_PROVIDER_ORDER: 'groq',
    OPENAI_API_KEY: 'sk-0123456789abcdef',
    LATTICE_MODLE: 'x',
  }
  const { code, stdout } = await lattice(['doctor', '--settings'], { folder, env })
  expect(code).toBe(0)
  expect(stdout).toContain('GROQ_API_KEY is not set')
  expect(stdout).toContain('LATTICE_MODLE')
  expect(stdout).toMatch(/OPENAI_API_KEY +\*{4}/)
  expect(stdout).not.toContain('sk-0123456789abcdef')
})

test('a log that does not answer is a finding of doctor, not its end', async () => {
  const { code, stdout } = await here('--log', 'redis://127.0.0.1:9', 'doctor', '--json')
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    findings: expect.arrayContaining([expect.objectContaining({ what: 'log', state: 'broken' })]),
  })
})

test('a backup and an export, restored and imported elsewhere, tell the same run', async () => {
  const events = (await here('events', 'runs.v1', '--json')).stdout
  expect(await here('backup', 'copy')).toMatchObject({ code: 0 })
  expect(await here('export', 'log.export', '--json')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('"records"'),
  })
  expect(await here('--data', 'restored', 'restore', 'copy')).toMatchObject({ code: 0 })
  expect(await here('--data', 'imported', 'import', 'log.export')).toMatchObject({ code: 0 })
  expect((await here('--data', 'restored', 'events', 'runs.v1', '--json')).stdout).toBe(events)
  expect((await here('--data', 'imported', 'events', 'runs.v1', '--json')).stdout).toBe(events)
  expect((await here('--data', 'imported', 'import', 'log.export')).code).not.toBe(0)
  const behind = await here('--data', 'imported', '--runs-dir', 'imported-runs', 'status')
  expect(behind.stderr).toContain('lattice serve builds from the log: lookup, search, folders, warehouse')
  expect(existsSync(join(folder, 'data'))).toBe(true)
})

test('a log whose import was cut off is refused by every command, with what to do', async () => {
  const data = join(folder, 'cut-off')
  await here('export', 'cut.export')
  await here('--data', 'cut-off', 'import', 'cut.export')
  const { log } = JSON.parse((await here('--data', 'cut-off', 'status', '--json')).stdout) as { log: { id: string } }
  await markImport(data, { logId: log.id, file: 'cut.export' })
  for (const command of [['serve', '--port', '0'], ['run', 'What?'], ['status'], ['import', 'cut.export']]) {
    const { code, stderr } = await here('--data', 'cut-off', ...command)
    expect({ command, code }).toEqual({ command, code: 3 })
    expect(stderr).toMatch(/the import of cut\.export into log .* was cut off/)
    expect(stderr).toContain('import again into a new log')
  }
})

test('completion is a script of that shell, and completes what may follow', async () => {
  const { stdout } = await here('completion', 'bash')
  const typed = `${stdout}\nCOMP_WORDS=(lattice --data x store rebuild --p); COMP_CWORD=5; _lattice; echo "\${COMPREPLY[@]}"`
  const completed = await shell(typed, [], { folder })
  expect(completed.stdout).toBe('--promote\n')
  const after = async (...words: string[]): Promise<string> => {
    const line = `COMP_WORDS=(lattice ${words.join(' ')}); COMP_CWORD=${words.length}; _lattice; echo "\${COMPREPLY[@]}"`
    return (await shell(`${stdout}\n${line}`, [], { folder })).stdout.trim()
  }
  expect(await after('--da')).toBe('--data')
  expect(await after('store', 'rebuild', 'w')).toBe('warehouse')
  expect(await after('completion', 'f')).toBe('fish')
  expect(await after('serve', '--role', 'w')).toBe('worker')
  expect(await after('run', 'x', '--validator', '""')).toBe(Object.keys(validators).join(' '))
  // Empty: the shell goes on with its own, files.
  expect(await after('import', '""')).toBe('')
  expect(await after('--data', '""')).toBe('')
  expect((await here('run', '--help')).stdout.replaceAll(/\s+/g, ' ')).toContain(Object.keys(validators).join(' | '))
  expect((await here('--help')).stdout).toContain('Without a command it serves')
})
