/**
 * Every secret that a process is given, by whichever door, is seen by nobody: not in events, logs, run folders, stores,
 * answers, metrics, nor in what the command line prints.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { createWorld, filesIn, send } from './served.ts'
import type { World } from './served.ts'

const secrets = {
  'the key in the environment': 'environment-key-91c3f0a7b2',
  'the key in .env': 'dotenv-key-5d2e88c41f',
  'the key in lattice.toml': 'toml-key-7730bd1e9a',
  'the password in a URL': 'url-password-aa19e2c4',
  LATTICE_AUTH_TOKEN: 'auth-token-0c4417d9be',
  'a token of LATTICE_TOKENS_FILE': 'file-token-e6f1b2083d',
}
const tokensFile = 'tokens.txt'

describe('secrets: embedded log', () => {
  let world: World
  let model: FakeOpenAi
  let serving: ServingProcess
  const printed: Record<string, string> = {}

  beforeAll(async () => {
    model = await startFakeOpenAi({ answer: (body) => `you said ${JSON.stringify(body.messages)}`, models: [] })
    const withPassword = model.url.replace('http://', `http://somebody:${secrets['the password in a URL']}@`)
    world = createWorld({
      OPENAI_BASE_URL: withPassword,
      OPENAI_API_KEY: secrets['the key in the environment'],
      LATTICE_PROVIDER_ORDER: 'openai,groq,gemini',
      LATTICE_AUTH_TOKEN: secrets.LATTICE_AUTH_TOKEN,
      LATTICE_TOKENS_FILE: tokensFile,
      LATTICE_LOG_LEVEL: 'trace',
    })
    writeFileSync(
      join(world.folder, '.env'),
      `GROQ_API_KEY=${secrets['the key in .env']}\nGROQ_BASE_URL=http://127.0.0.1:9/v1\n`,
    )
    writeFileSync(
      join(world.folder, 'lattice.toml'),
      `[providers.gemini]\napi_key = "${secrets['the key in lattice.toml']}"\nbase_url = "http://127.0.0.1:9/v1"\n`,
    )
    writeFileSync(join(world.folder, tokensFile), `# people\nanalyst ${secrets['a token of LATTICE_TOKENS_FILE']}\n`)
    writeFileSync(
      join(world.folder, 'README.md'),
      `# Notes\n\nThe tokens are ${Object.values(secrets).join(' and ')}.\n`,
    )
    serving = await world.serve()
  }, 60_000)

  afterAll(async () => {
    await serving.kill('SIGTERM')
    await model.close()
    world.close()
  }, 30_000)

  test('[secret.unseen] not in an event, a store, a run folder, an answer, a metric or a log, wherever it was given', async () => {
    const all = Object.values(secrets)
    const authorization = { authorization: `Bearer ${secrets['a token of LATTICE_TOKENS_FILE']}` }
    const prompts = [
      `What are the tokens? Mine are ${all.join(', ')}; in base64 ${Buffer.from(all.join(':')).toString('base64')}`,
    ]
    const runs: string[] = []
    for (const prompt of [...prompts, 'plain', 'again']) {
      if (prompt === 'plain') model.script('echo-key')
      if (prompt === 'again') model.always('echo-key')
      const response = await send(
        serving,
        { prompt, maxAttempts: 3, deadlineMs: 5000, tags: { from: all[4] ?? '' } },
        authorization,
      )
      expect(response.status).toBe(202)
      runs.push(((await response.json()) as { runId: string }).runId)
    }
    for (const runId of runs) {
      await expect
        .poll(async () => (await get(`/v1/runs/${runId}`)).includes('"status":"done"'), { timeout: 30_000 })
        .toBe(true)
      printed[`run ${runId}`] = await get(`/v1/runs/${runId}`)
      printed[`events of ${runId}`] = await get(`/v1/runs/${runId}/events`)
    }
    expect(model.calls[0]?.headers.authorization).toContain(secrets['the key in the environment'])
    const logged = await world.lattice(['run', `my token is ${all.join(' ')}`, '--json'])
    printed['lattice run'] = logged.stdout + logged.stderr
    for (const args of [
      ['doctor', '--settings'],
      ['doctor', '--settings', '--json'],
      ['status'],
      ['events', 'runs.v1', '--json'],
      ['events', 'documents.v1', '--json'],
    ]) {
      const { stdout, stderr } = await world.lattice(args)
      printed[`lattice ${args.join(' ')}`] = stdout + stderr
    }
    printed['search'] = await get('/v1/search?q=tokens')
    for (const path of ['/metrics', '/ready', '/health', '/openapi.json', '/v1/stores', '/v1/runs', '/v1/dead-letters'])
      printed[path] = await get(path)
    const refusals = [
      await fetch(`${serving.url}/v1/runs`, { headers: { authorization: `Bearer ${all[0]}` } }),
      await fetch(`${serving.url}/v1/tasks`, {
        method: 'POST',
        body: `{"prompt": ${all[1]}`,
        headers: { ...authorization, 'content-type': 'application/json' },
      }),
    ]
    expect(refusals.map(({ ok }) => ok)).toEqual([false, false])
    for (const [index, refusal] of refusals.entries()) printed[`refusal ${index}`] = await refusal.text()
    printed['log of the server'] = serving.output()
    const found = Object.entries(printed)
    for (const [path, bytes] of filesIn(world.folder)) {
      if (!['.env', 'lattice.toml', tokensFile, 'README.md'].some((file) => path === join(world.folder, file)))
        found.push([path, bytes])
    }
    expect(found.length).toBeGreaterThan(30)
    expect(leaksIn(found)).toEqual([])
    expect(printed[`events of ${runs[0]}`]).toContain('[redacted:')
  }, 120_000)

  test('[secret.unseen] not in an error of a program that can’t start', async () => {
    const password = secrets['the password in a URL']
    const broken: [string, Readonly<Record<string, string>>][] = [
      ['a log that does not answer', { LATTICE_LOG: `redis://user:${password}@127.0.0.1:9/0` }],
      ['a log of no scheme', { LATTICE_LOG: `wrong://user:${password}@127.0.0.1:9` }],
      ['a log whose address is none', { LATTICE_LOG: `redis://user:${password}@` }],
      ['a URL that is none', { OPENAI_BASE_URL: `ftp://user:${password}@host` }],
      ['a registry that does not answer', { LATTICE_SCHEMA_REGISTRY: `http://user:${password}@127.0.0.1:9` }],
      ['a key with a space', { OPENAI_API_KEY: `${secrets['the key in the environment']} ${password}` }],
      [
        'a provider that does not answer',
        { OPENAI_BASE_URL: `http://user:${password}@127.0.0.1:9/v1`, LATTICE_MAX_ATTEMPTS: '1' },
      ],
      ['a tokens file that is none', { LATTICE_TOKENS_FILE: 'README.md', LATTICE_PORT: '0' }],
    ]
    const said = await Promise.all(
      broken.map(async ([what, env]): Promise<[string, string]> => {
        const command = what.includes('tokens') ? ['serve'] : ['run', 'hello']
        const { code, stdout, stderr } = await world.lattice(command, {
          env: { LATTICE_DATA: join(world.folder, what), ...env },
        })
        expect(code, `${what}: ${stdout}${stderr}`).not.toBe(0)
        expect(stderr, what).not.toBe('')
        return [what, stdout + stderr]
      }),
    )
    expect(leaksIn(said)).toEqual([])
  }, 90_000)

  async function get(path: string): Promise<string> {
    const response = await fetch(`${serving.url}${path}`, {
      headers: { authorization: `Bearer ${secrets.LATTICE_AUTH_TOKEN}` },
    })
    return response.text()
  }
})

function leaksIn(found: readonly (readonly [where: string, text: string])[]): string[] {
  const leaks: string[] = []
  for (const [where, text] of found) {
    for (const [name, secret] of Object.entries(secrets)) {
      const at = [secret, Buffer.from(secret).toString('base64').slice(0, -4)]
        .map((form) => text.indexOf(form))
        .find((place) => place >= 0)
      if (at !== undefined) leaks.push(`${name} in ${where}: …${text.slice(Math.max(0, at - 60), at + 10)}`)
    }
  }
  return leaks
}
