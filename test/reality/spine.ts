/**
 * The spine as its users meet it, on any log: a real server, a real model server that misbehaves, the real command line.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { eventually } from '#test/contracts/eventually.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { createWorld, ended, eventsOf, filesIn, foreignHeaders, post, rebuiltEqual, rowsOf } from './served.ts'
import type { World } from './served.ts'

const environmentKey = 'sk-env-4f9a1c77d2e84b6e9c0d5a1b3e7f'
const pastedKey = 'sk-proj-Zk3Jq8Vw1Xy7Lm5Np2Rt9Sd4Fg6Hj0'

/** `log` are settings that choose it, in a namespace of this suite's own; none for the embedded one. */
export function describeSpine(name: string, log: Readonly<Record<string, string>>): void {
  describe(`spine: ${name}`, () => {
    let model: FakeOpenAi
    let world: World
    let serving: ServingProcess

    beforeAll(async () => {
      model = await startFakeOpenAi({ answer: 'a plain answer' })
      world = createWorld({
        OPENAI_BASE_URL: model.url,
        OPENAI_API_KEY: environmentKey,
        LATTICE_PROVIDER: 'openai',
        LATTICE_USE_RAG: '0',
        ...log,
      })
      serving = await world.serve()
    }, 90_000)

    afterAll(async () => {
      await serving.kill('SIGTERM')
      await model.close()
      world.close()
    }, 30_000)

    test('[verdict.closed] an answer that never passes is rejected, and every reader says so', async () => {
      const task = await post(serving, { prompt: 'give JSON', validator: 'json', maxAttempts: 3 })
      const run = await ended(serving, task)
      expect(run).toMatchObject({ outcome: 'rejected', reason: 'attempts', answer: null, attempts: 3 })
      const events = await eventsOf(serving, task.runId)
      expect(
        events.filter(({ type }) => type === 'verdict.reached').every(({ data }) => data['passed'] === false),
      ).toBe(true)
      expect(events.at(-1)).toMatchObject({ type: 'run.completed', data: { outcome: 'rejected' } })
      expect(await streamOf(task.runId)).toEqual(events.map(({ type }) => type))
      expect(await endsInFolder(task.runId)).toMatchObject([{ outcome: 'rejected' }])
    })

    test('[verdict.closed] an answer that passes at the second attempt is the one that stands', async () => {
      const answers = ['no json at all', '{"good": true}']
      model.answerWith(() => answers.shift() ?? '{}')
      const run = await ended(serving, await post(serving, { prompt: 'give JSON', validator: 'json' }))
      model.answerWith('a plain answer')
      expect(run).toMatchObject({ outcome: 'accepted', answer: '{"good": true}', attempts: 2 })
    })

    test('[secret.unseen] a key of the environment or pasted into a prompt is in no event, file, answer or log line', async () => {
      model.answerWith((body) => `you said: ${JSON.stringify(body.messages)}`)
      const task = await post(serving, {
        prompt: `my keys are ${pastedKey} and ${environmentKey}; what can I do with them?`,
      })
      const run = await ended(serving, task)
      model.script('echo-key')
      const refused = await ended(serving, await post(serving, { prompt: 'again' }))
      model.answerWith('a plain answer')
      const lastCall = model.calls.at(-1)
      expect(lastCall?.headers.authorization).toContain(environmentKey)
      const seen: Record<string, string> = {
        run: JSON.stringify(run),
        refused: JSON.stringify(refused),
        events: JSON.stringify(await eventsOf(serving, task.runId)),
        topic: (await world.lattice(['events', 'runs.v1', '--json'])).stdout,
        server: serving.output(),
        doctor: (await world.lattice(['doctor', '--settings', '--json'])).stdout,
      }
      for (const [path, text] of filesIn(world.folder)) seen[path] = text
      for (const [where, text] of Object.entries(seen)) {
        expect(text.includes(environmentKey), `the environment's key in ${where}`).toBe(false)
        expect(text.includes(pastedKey), `the pasted key in ${where}`).toBe(false)
      }
      expect(seen['events']).toContain('[redacted:')
    })

    test('[poison.parked] what is no event is set aside by name, and everything else goes on', async () => {
      const good = await ended(serving, await post(serving, { prompt: 'before' }))
      await world.withGiven(async ({ log }) => {
        await log.append('runs.v1', [
          { key: 'stranger', headers: {}, value: Buffer.from('not avro at all') },
          { key: 'stranger', headers: { ce_type: 'made.up', ce_id: 'made-up-1' }, value: Buffer.from('{}') },
        ])
        await log.append('operations.v1', [
          { key: 'x', headers: foreignHeaders('object.erased'), value: Buffer.from([0, 0, 0, 0, 1, 2, 3]) },
        ])
      })
      const after = await ended(serving, await post(serving, { prompt: 'after' }))
      expect([good.outcome, after.outcome]).toEqual(['accepted', 'accepted'])
      await eventually('three letters', async () => (await lettersOf()).length === 3, { deadlineMs: 30_000 })
    })

    test('[store.deterministic] [replay.silent] every store rebuilt from the log is equal, with no socket but the log’s', async () => {
      await serving.kill('SIGTERM')
      try {
        for (const store of ['lookup', 'search', 'folders', 'warehouse']) {
          await rebuiltEqual(world, store, onlyTheLog(log['LATTICE_LOG']))
        }
      } finally {
        serving = await world.serve()
      }
    }, 120_000)

    test('[log.same] a store on another log stops by name', async () => {
      await serving.kill('SIGTERM')
      try {
        const path = join(world.folder, 'another-log')
        await (await openEmbeddedEventLog({ path })).close()
        const other = await world.lattice(['dead-letters', 'list'], { env: { LATTICE_LOG: `embedded:${path}` } })
        expect(other.code).toBe(3)
        expect(other.stderr).toMatch(/was built from log .+; this log is .+/)
      } finally {
        serving = await world.serve()
      }
    }, 60_000)

    async function streamOf(runId: string): Promise<string[]> {
      const response = await fetch(`${serving.url}/v1/runs/${runId}/events`, {
        headers: { accept: 'text/event-stream' },
      })
      return [...(await response.text()).matchAll(/^event: (.+)$/gm)].map((match) => match[1] ?? '')
    }

    async function endsInFolder(runId: string): Promise<unknown[]> {
      const path = join(world.folder, 'runs', runId, 'run.jsonl')
      const ends = () => rowsOf(path).filter(({ event }) => event === 'run_completed')
      await eventually('the end of the run folder', () => ends().length > 0, { deadlineMs: 30_000 })
      return ends()
    }

    async function lettersOf(): Promise<unknown[]> {
      const { stdout } = await world.lattice(['dead-letters', 'list', '--json'])
      return JSON.parse(stdout || '[]') as unknown[]
    }
  })
}

/** Settings that end a program at its first connection to anything but the log. */
function onlyTheLog(log: string | undefined): Record<string, string> {
  const port = /:(\d+)(?:\/|$)/.exec(log ?? '')?.[1]
  const guard = join(import.meta.dirname, 'socket-guard.ts')
  return { NODE_OPTIONS: `--import ${guard}`, ...(port === undefined ? {} : { TEST_ALLOWED_PORT: port }) }
}
