/** `lattice doctor`, as a process: what answers, what refuses, and that looking leaves nothing behind. */
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Listening, listening } from '#test/fakes/listening.ts'
import { lattice, makeFolder, removeFolder } from './cli-process.ts'

// Each test starts processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const key = 'gsk_0123456789abcdef'
let folder: string
let there: Listening
let url: string
/** Method and path of what was asked. */
const asked: string[] = []

beforeAll(async () => {
  folder = makeFolder()
  const server = createServer(({ method, url: path, headers }, response) => {
    asked.push(`${method} ${path}`)
    const isOurs = headers.authorization === `Bearer ${key}`
    response.writeHead(isOurs ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isOurs ? { data: [{ id: 'a' }, { id: 'b' }] } : { error: { message: 'who is it?' } }))
  })
  there = await listening(server)
  url = `${there.origin}/v1`
})
afterAll(async () => {
  await there.close()
  removeFolder(folder)
})

test('hosted providers are asked for their models: answers, refused and unreachable are told apart, each with a remedy', async () => {
  const env = {
    LATTICE_PROVIDER_ORDER: 'groq,gemini,openai',
    GROQ_API_KEY: key,
    GROQ_BASE_URL: url,
    GEMINI_API_KEY: 'AIza0123456789abcdef',
    GEMINI_BASE_URL: url,
    OPENAI_API_KEY: 'sk-0123456789abcdef',
    OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
  }
  const { code, stdout } = await lattice(['doctor', '--json'], { folder, env })
  const { findings } = JSON.parse(stdout) as {
    findings: { what: string; state: string; detail: string; remedy?: string }[]
  }
  const of = (name: string) => findings.find(({ what }) => what === `provider ${name}`)
  expect(code).toBe(1)
  expect(of('groq')).toMatchObject({ state: 'ok', detail: expect.stringContaining('answers (2 models)') })
  expect(of('gemini')).toMatchObject({
    state: 'broken',
    detail: expect.stringMatching(/^refused: .*401/),
    remedy: expect.stringContaining('key is wrong'),
  })
  expect(of('openai')).toMatchObject({
    state: 'broken',
    detail: expect.stringMatching(/^unreachable: .*127\.0\.0\.1:9/),
    remedy: expect.stringContaining('LATTICE_PROVIDER_ORDER'),
  })
  expect(new Set(asked)).toEqual(new Set(['GET /v1/models']))
  for (const secret of [env.GROQ_API_KEY, env.GEMINI_API_KEY, env.OPENAI_API_KEY]) expect(stdout).not.toContain(secret)
})

test('a provider of lattice.toml is listed, and a model it does not have is warned of', async () => {
  const own = makeFolder()
  const toml = `[providers.house]\nbase_url = "${url}"\napi_key_env = "HOUSE_KEY"\nmodel = "c"\n`
  writeFileSync(join(own, 'lattice.toml'), toml)
  const env = { LATTICE_PROVIDER_ORDER: 'groq', HOUSE_KEY: key }
  const { stdout } = await lattice(['doctor'], { folder: own, env })
  removeFolder(own)
  expect(stdout).toMatch(/provider house +answers \(2 models\), asked for c/)
  expect(stdout).toMatch(/provider house +does not list c, which it will be asked for\n.*name one that it has: a, b/)
})

test('a placeholder is told from a key that is not set', async () => {
  const env = { LATTICE_PROVIDER_ORDER: 'groq,openai', GROQ_API_KEY: 'your_api_key' }
  const { code, stdout } = await lattice(['doctor'], { folder, env })
  expect(code).toBe(0)
  expect(stdout).toMatch(/provider groq +GROQ_API_KEY is empty or a placeholder, not a key/)
  expect(stdout).toMatch(/provider openai +OPENAI_API_KEY is not set/)
})

test('who only looks leaves an empty folder empty, and says that there is no log yet', async () => {
  const empty = makeFolder()
  writeFileSync(join(empty, 'no.export'), 'no export')
  const before = readdirSync(empty)
  const results: Record<string, number | null> = {}
  let said = ''
  for (const args of [
    ['doctor'],
    ['status'],
    ['status', '--json'],
    ['store', 'list'],
    ['runs'],
    ['runs', '--json'],
    ['logs'],
    ['logs', 'nobody'],
    ['search', 'x'],
    ['events', 'runs.v1'],
    ['events', 'runs.v1', '--follow'],
    ['export', 'out.export'],
    ['import', 'nothing.export'],
    ['restore', 'nothing'],
    ['import', 'no.export'],
  ]) {
    const { code, stdout, stderr } = await lattice(args, { folder: empty })
    results[args.join(' ')] = code
    said += stdout + stderr
  }
  expect(results).toEqual({
    doctor: 0,
    status: 0,
    'status --json': 0,
    'store list': 0,
    runs: 0,
    'runs --json': 0,
    logs: 0,
    'logs nobody': 1,
    'search x': 0,
    'events runs.v1': 0,
    'events runs.v1 --follow': 3,
    'export out.export': 3,
    'import nothing.export': 2,
    'restore nothing': 2,
    'import no.export': 3,
  })
  expect(said).toContain('none yet at embedded:')
  expect(said).toContain('there is no log yet at embedded:')
  expect(readdirSync(empty)).toEqual(before)
  removeFolder(empty)
})
