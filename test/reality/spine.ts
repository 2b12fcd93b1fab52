/**
 * The spine as its users meet it, on any log: a real server, a real model server that misbehaves, the real command line.
 */
import { readFileSync, readdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assemble } from '#infra/assemble.ts'
import { readConfig } from '#infra/config/config.ts'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import type { Given } from '#processors/given.ts'
import { startProgram, startServing } from '#test/crash/serving-process.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'

export interface SpineHarness {
  /** Settings that choose the log, in a namespace of this suite's own; none for the embedded one. */
  readonly env: () => Readonly<Record<string, string>>
}

const environmentKey = 'sk-env-4f9a1c77d2e84b6e9c0d5a1b3e7f'
const pastedKey = 'sk-proj-Zk3Jq8Vw1Xy7Lm5Np2Rt9Sd4Fg6Hj0'

export function describeSpine(name: string, harness: SpineHarness): void {
  describe(`spine: ${name}`, () => {
    let folder: string
    let model: FakeOpenAi
    let env: Record<string, string>
    let serving: ServingProcess

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'lattice-spine-'))
      model = await startFakeOpenAi({ answer: 'a plain answer' })
      env = {
        OPENAI_BASE_URL: model.url,
        OPENAI_API_KEY: environmentKey,
        LATTICE_PROVIDER: 'openai',
        LATTICE_USE_RAG: '0',
        ...harness.env(),
      }
      serving = await startServing({ folder, env })
    }, 90_000)

    afterAll(async () => {
      await serving.kill('SIGTERM')
      await model.close()
      rmSync(folder, { recursive: true, force: true })
    }, 30_000)

    test('[verdict.closed] an answer that never passes is rejected, and every reader says so', async () => {
      const task = await post({ prompt: 'give JSON', validator: 'json', maxAttempts: 3 })
      const run = await finished(task)
      expect(run).toMatchObject({ outcome: 'rejected', reason: 'attempts', answer: null, attempts: 3 })
      const events = await eventsOf(task.runId)
      expect(
        events.filter(({ type }) => type === 'verdict.reached').every(({ data }) => data['passed'] === false),
      ).toBe(true)
      expect(events.at(-1)).toMatchObject({ type: 'run.completed', data: { outcome: 'rejected' } })
      expect(await streamOf(task.runId)).toEqual(events.map(({ type }) => type))
      expect(await rowsOfFolder(task.runId, 'run_completed')).toMatchObject([{ outcome: 'rejected' }])
    })

    test('[verdict.closed] an answer that passes at the second attempt is the one that stands', async () => {
      const answers = ['no json at all', '{"good": true}']
      model.answerWith(() => answers.shift() ?? '{}')
      const run = await finished(await post({ prompt: 'give JSON', validator: 'json' }))
      model.answerWith('a plain answer')
      expect(run).toMatchObject({ outcome: 'accepted', answer: '{"good": true}', attempts: 2 })
    })

    test('[secret.unseen] a key of the environment or pasted into a prompt is in no event, file, answer or log line', async () => {
      model.answerWith((body) => `you said: ${JSON.stringify(body.messages)}`)
      const task = await post({ prompt: `my keys are ${pastedKey} and ${environmentKey}; what can I do with them?` })
      const run = await finished(task)
      model.script('echo-key')
      const refused = await finished(await post({ prompt: 'again' }))
      model.answerWith('a plain answer')
      const lastCall = model.calls.at(-1)
      expect(lastCall?.headers.authorization).toContain(environmentKey)
      const seen: Record<string, string> = {
        run: JSON.stringify(run),
        refused: JSON.stringify(refused),
        events: JSON.stringify(await eventsOf(task.runId)),
        topic: (await lattice('events', 'runs.v1', '--json')).output,
        server: serving.output(),
        doctor: (await lattice('doctor', '--settings', '--json')).output,
      }
      for (const [path, text] of filesIn(folder)) seen[path] = text
      for (const [where, text] of Object.entries(seen)) {
        expect(text.includes(environmentKey), `the environment's key in ${where}`).toBe(false)
        expect(text.includes(pastedKey), `the pasted key in ${where}`).toBe(false)
      }
      expect(seen['events']).toContain('[redacted:')
    })

    test('[poison.parked] what is no event is set aside by name, and everything else goes on', async () => {
      const good = await finished(await post({ prompt: 'before' }))
      await withGiven(async ({ log }) => {
        await log.append('runs.v1', [
          { key: 'stranger', headers: {}, value: Buffer.from('not avro at all') },
          { key: 'stranger', headers: { ce_type: 'made.up', ce_id: 'made-up-1' }, value: Buffer.from('{}') },
        ])
        await log.append('operations.v1', [
          { key: 'x', headers: envelope('object.erased', 'garbled-1'), value: Buffer.from([0, 0, 0, 0, 1, 2, 3]) },
        ])
      })
      const after = await finished(await post({ prompt: 'after' }))
      expect([good.outcome, after.outcome]).toEqual(['accepted', 'accepted'])
      await expect
        .poll(
          async () =>
            (JSON.parse((await lattice('dead-letters', 'list', '--json')).output || '[]') as unknown[]).length,
          { timeout: 30_000 },
        )
        .toBe(3)
    })

    test('[store.deterministic] [replay.silent] every store rebuilt from the log is equal, with no socket but the log’s', async () => {
      await serving.kill('SIGTERM')
      try {
        for (const store of ['lookup', 'search', 'folders', 'warehouse']) {
          const rebuilt = await lattice.with(onlyTheLog(env['LATTICE_LOG']), 'store', 'rebuild', store)
          expect(rebuilt.code, rebuilt.output).toBe(0)
          const diff = await lattice('store', 'diff', store)
          expect(diff.code, `${store}: ${diff.output}`).toBe(0)
        }
      } finally {
        serving = await startServing({ folder, env })
      }
    }, 120_000)

    test('[log.same] a store on another log stops by name', async () => {
      await serving.kill('SIGTERM')
      try {
        const path = join(folder, 'another-log')
        await (await openEmbeddedEventLog({ path })).close()
        const other = await lattice.with({ LATTICE_LOG: `embedded:${path}` }, 'dead-letters', 'list')
        expect(other.code).toBe(3)
        expect(other.output).toMatch(/was built from log .+; this log is .+/)
      } finally {
        serving = await startServing({ folder, env })
      }
    }, 60_000)

    interface Posted {
      readonly runId: string
      readonly position: string
    }

    async function post(body: Record<string, unknown>): Promise<Posted> {
      const response = await fetch(`${serving.url}/v1/tasks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(response.status).toBe(202)
      return (await response.json()) as Posted
    }

    async function finished({ runId, position }: Posted): Promise<Record<string, unknown>> {
      let run: Record<string, unknown> = {}
      await expect
        .poll(
          async () => {
            const response = await fetch(
              `${serving.url}/v1/runs/${runId}?at=${encodeURIComponent(position)}&wait=10000`,
            )
            run = (await response.json()) as Record<string, unknown>
            return run['status']
          },
          { timeout: 60_000, interval: 50 },
        )
        .toBe('done')
      return run
    }

    async function eventsOf(runId: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
      const response = await fetch(`${serving.url}/v1/runs/${runId}/events`)
      return ((await response.json()) as { events: { type: string; data: Record<string, unknown> }[] }).events
    }

    async function streamOf(runId: string): Promise<string[]> {
      const response = await fetch(`${serving.url}/v1/runs/${runId}/events`, {
        headers: { accept: 'text/event-stream' },
      })
      return [...(await response.text()).matchAll(/^event: (.+)$/gm)].map((match) => match[1] ?? '')
    }

    async function rowsOfFolder(runId: string, event: string): Promise<unknown[]> {
      const path = join(folder, 'runs', runId, 'run.jsonl')
      let rows: Record<string, unknown>[] = []
      await expect
        .poll(
          () => {
            rows = linesOf(path)
            return rows.some((row) => row['event'] === event)
          },
          { timeout: 30_000 },
        )
        .toBe(true)
      return rows.filter((row) => row['event'] === event)
    }

    async function withGiven(work: (given: Given) => Promise<void>): Promise<void> {
      const { config } = readConfig({ env, folder })
      const { given, close } = await assemble(config, () => {})
      try {
        await work(given)
      } finally {
        await given.log.close()
        await close()
      }
    }

    const lattice = Object.assign((...args: string[]) => program(env, args), {
      with: (more: Record<string, string>, ...args: string[]) => program({ ...env, ...more }, args),
    })

    async function program(
      given: Record<string, string>,
      args: string[],
    ): Promise<{ output: string; code: number | null }> {
      const child = startProgram(args, { folder, env: given })
      let output = ''
      let errors = ''
      child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()))
      child.stderr?.on('data', (bytes: Buffer) => (errors += bytes.toString()))
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
      return { output: code === 0 ? output : output + errors, code }
    }
  })
}

/** Settings that end a program at its first connection to anything but the log. */
function onlyTheLog(log: string | undefined): Record<string, string> {
  const port = /:(\d+)(?:\/|$)/.exec(log ?? '')?.[1]
  const guard = join(import.meta.dirname, 'socket-guard.ts')
  return { NODE_OPTIONS: `--import ${guard}`, ...(port === undefined ? {} : { TEST_ALLOWED_PORT: port }) }
}

function envelope(type: string, id: string): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: id,
    ce_type: type,
    ce_source: '/test',
    ce_subject: 'x',
    ce_time: '2026-01-01T00:00:00.000Z',
  }
}

function linesOf(path: string): Record<string, unknown>[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  } catch {
    return []
  }
}

function* filesIn(folder: string): Generator<[string, string]> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    yield [path, readFileSync(path, 'latin1')]
  }
}
