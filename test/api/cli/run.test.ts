/** `lattice run`, as a process, against the built-in model and a fake provider. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { eventually } from '#test/contracts/eventually.ts'
import { type FakeOpenAiProcess, startFakeOpenAiProcess } from '#test/fakes/openai-server-process.ts'
import { lattice, makeFolder, removeFolder, runIdIn, startLattice } from './cli-process.ts'

// Each test starts processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

let folder: string
let model: FakeOpenAiProcess
let configured: Record<string, string>

beforeAll(async () => {
  folder = makeFolder()
  model = await startFakeOpenAiProcess({ answer: 'A log for pilots.' })
  configured = { GROQ_API_KEY: 'gsk_0123456789abcdef', GROQ_BASE_URL: model.url, LATTICE_PROVIDER: 'groq' }
})
afterAll(async () => {
  await model.stop()
  removeFolder(folder)
})

test('without a key the built-in model quotes the folder, says so in one line, and the answer alone is on stdout', async () => {
  const result = await lattice(['run', 'What does Tidewater keep?'], { folder })
  expect(result.code).toBe(0)
  expect(result.stdout).toBe('Tidewater keeps a lighthouse log for harbour pilots. [1]\n\nSources:\n[1] README.md\n')
  expect(result.stderr.split('\n').filter((line) => line.includes('lattice/extract'))).toHaveLength(1)
  expect(result.stderr).not.toContain('\u001b')
  const run = join(folder, 'runs', runIdIn(result))
  expect(readFileSync(join(run, 'artifacts/output.txt'), 'utf8')).toContain('lighthouse log')
  expect(result.stderr).toContain(join(run, 'run.jsonl'))
})

test('the prompt comes from stdin where it is -', async () => {
  const { code, stdout } = await lattice(['run', '-', '--json'], { folder, stdin: 'What is a\nlighthouse?' })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    prompt: 'What is a\nlighthouse?',
    outcome: 'accepted',
    provider: 'lattice',
  })
})

test('flags win over the environment and reach the provider', async () => {
  const flags = ['--model', 'm-1', '--temperature', '0.9', '--max-tokens', '77', '--no-rag', '--system', 'Be brief.']
  const { code, stdout } = await lattice(['run', 'What?', '--json', ...flags], {
    folder,
    env: { ...configured, LATTICE_MODEL: 'm-0', LATTICE_TEMPERATURE: '0.1' },
  })
  expect(code).toBe(0)
  const { runFolder, answer, model: asked } = JSON.parse(stdout) as Record<string, string>
  expect({ answer, asked }).toEqual({ answer: 'A log for pilots.', asked: 'm-1' })
  const log = readFileSync(join(runFolder ?? '', 'run.jsonl'), 'utf8')
  const rows = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(rows.find(({ event }) => event === 'attempt_started')).toMatchObject({
    parameters: { temperature: 0.9, max_tokens: 77 },
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'What?' },
    ],
  })
  expect(log).not.toContain(configured['GROQ_API_KEY'])
})

test('a configured provider that fails makes the run fail, by URL and reason, and no built-in answer is given', async () => {
  const env = { ...configured, GROQ_BASE_URL: 'http://127.0.0.1:9/v1', LATTICE_MAX_ATTEMPTS: '1' }
  const result = await lattice(['run', 'What?'], { folder, env })
  expect(result).toMatchObject({ code: 1, stdout: '' })
  expect(result.stderr).toMatch(/http:\/\/127\.0\.0\.1:9\/v1 can't be reached: .*ECONNREFUSED/)
  expect(result.stderr).toMatch(/the run ended failed: the 1 attempt it may take is used\n +.*LATTICE_MAX_ATTEMPTS/)
  expect(result.stderr).not.toContain('lattice/extract')
  expect(result.stderr).not.toContain('output.txt')
})

test('a provider that refuses is named with what to check; logs says the same, and the API keeps the code', async () => {
  await model.script({ always: { fault: 'status', status: 401 } })
  const result = await lattice(['run', 'What?', '--json'], { folder, env: configured })
  await model.script({ always: null })
  expect(result.code).toBe(1)
  expect(JSON.parse(result.stdout)).toMatchObject({ outcome: 'failed', reason: 'providers' })
  expect(result.stderr).toMatch(/the run ended failed: no provider answered\n +check .*lattice doctor/)
  const log = await lattice(['logs', runIdIn(result)], { folder })
  expect(log.stderr).toBe('the run ended failed: no provider answered\n')
})

test('the built-in model is not asked again for an answer it has given', async () => {
  const result = await lattice(['run', 'What does Tidewater keep?', '--validator', 'json', '--json'], { folder })
  expect(result.code).toBe(1)
  expect(JSON.parse(result.stdout)).toMatchObject({ outcome: 'rejected', reason: 'same-answer', attempts: 1 })
  expect(result.stderr).toContain('the run ended rejected: the built-in model would only give the same answer again')
})

test('a wrong request is said before anything else', async () => {
  for (const args of [
    ['run', ''],
    ['run', 'What?', '--validator', 'nobody'],
  ]) {
    const result = await lattice(args, { folder })
    expect(result.code).toBe(2)
    expect(result.stderr).toMatch(/^error: /)
    expect(result.stderr).not.toContain('lattice/extract')
  }
})

test('an answer its validator does not accept is named with what was found', async () => {
  const result = await lattice(['run', 'What?', '--validator', 'json', '--max-attempts', '1'], {
    folder,
    env: configured,
  })
  expect(result).toMatchObject({ code: 1, stdout: '' })
  expect(result.stderr).toContain('the run ended rejected')
  expect(result.stderr).toMatch(/groq \S+: not accepted: .*JSON/)
})

test.for([
  [['--temperature', 'warm'], /--temperature can't be 'warm': it takes a number from 0 to 2/],
  [['--max-tokens', '1.5'], /--max-tokens can't be '1.5': it takes a whole number/],
  [['--provider', 'nobody'], /--provider can't be 'nobody'/],
  [['--validator-options', '[1]'], /--validator-options takes a JSON object/],
  [['--validator', 'json_schema', '--validator-options', '{}'], /json_schema/],
  [['--validator', 'nobody'], /there is no validator nobody; there are: answered, json/],
] as const)('%j is refused with what is allowed, exit code 2', async ([flags, message]) => {
  const result = await lattice(['run', 'What?', ...flags], { folder })
  expect(result).toMatchObject({ code: 2, stdout: '' })
  expect(result.stderr).toMatch(message)
})

test('an interrupt cancels the run: it is closed on the log, and the exit code is 130', async () => {
  const before = await model.callCount()
  await model.script({ always: 'hang-before-headers' })
  const { child, ended } = startLattice(['run', 'What?'], { folder, env: configured })
  await eventually('the call', async () => (await model.callCount()) > before)
  child.kill('SIGINT')
  const result = await ended
  await model.script({ always: null })
  expect(result).toMatchObject({ code: 130, stdout: '' })
  const log = await lattice(['logs', runIdIn(result)], { folder })
  expect(JSON.parse(log.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    event: 'run_completed',
    outcome: 'cancelled',
  })
})

test('four runs at once in a new folder all end with their answer', async () => {
  const fresh = makeFolder()
  const results = await Promise.all(
    [1, 2, 3, 4].map((n) => lattice(['run', `Question ${n}?`], { folder: fresh, env: configured })),
  )
  expect(results.map(({ code, stdout, stderr }) => (code === 0 ? stdout : stderr))).toEqual(
    Array(4).fill('A log for pilots.\n'),
  )
  expect(results.every((result) => existsSync(join(fresh, 'runs', runIdIn(result), 'artifacts/output.txt')))).toBe(true)
  removeFolder(fresh)
})

test('a .env of the folder is read', async () => {
  const fresh = makeFolder()
  writeFileSync(
    join(fresh, '.env'),
    Object.entries(configured)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const { stdout } = await lattice(['run', 'What?'], { folder: fresh, env: {} })
  expect(stdout).toBe('A log for pilots.\n')
  removeFolder(fresh)
})

test('a model that nobody has is an error, not another model’s answer', async () => {
  for (const [model, env] of [
    ['nope/x', {}],
    ['openai/x', {}],
    ['nope/x', configured],
  ] as const) {
    const result = await lattice(['run', 'What?', '--model', model], { folder, env })
    expect(result).toMatchObject({ stdout: '' })
    expect(result.code).not.toBe(0)
    expect(result.stderr).toContain(model.startsWith('nope') ? 'nope/x' : 'OPENAI_API_KEY is not set')
  }
})
