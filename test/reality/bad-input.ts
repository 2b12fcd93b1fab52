/**
 * Bad input to a really serving process, on any log: what is large is kept whole, what is no text or no event is set
 * aside by name, and everything else goes on.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256 } from '#schemas/ids.ts'
import { eventually } from '#test/contracts/eventually.ts'
import type { ServingProcess } from '#test/crash/serving-process.ts'
import { startFakeOpenAi } from '#test/fakes/openai-server.ts'
import type { FakeOpenAi } from '#test/fakes/openai-server.ts'
import { caughtUp, createWorld, ended, foreignHeaders, post, rebuiltEqual, rowsOf, send } from './served.ts'
import type { World } from './served.ts'

export interface BadInputHarness {
  /** Settings that choose the log, in a namespace of this suite's own; none for the embedded one. */
  readonly env: Readonly<Record<string, string>>
  /** Also texts of 20 and 50 MB, which stand beside every log alike. */
  readonly large: boolean
}

export function describeBadInput(name: string, harness: BadInputHarness): void {
  describe(`bad input: ${name}`, () => {
    /** No skipped test where it is not meant to be run. */
    const largeTest = (title: string, work: () => Promise<void>, timeoutMs: number): void => {
      if (harness.large) test(title, work, timeoutMs)
    }
    let world: World
    let model: FakeOpenAi
    let serving: ServingProcess

    beforeAll(async () => {
      model = await startFakeOpenAi({ answer: 'a plain answer' })
      world = createWorld({
        OPENAI_BASE_URL: model.url,
        OPENAI_API_KEY: 'key-of-the-bad-input-test',
        LATTICE_PROVIDER: 'openai',
        LATTICE_LOG_LEVEL: 'warn',
        ...harness.env,
      })
      mkdirSync(join(world.folder, 'docs'))
      writeFileSync(
        join(world.folder, 'README.md'),
        '# Herons\n\nA heron stands in shallow water and waits for fish.\n',
      )
      writeFileSync(join(world.folder, 'docs', 'picture.txt'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 1, 2]))
      writeFileSync(join(world.folder, 'docs', 'latin.md'), Buffer.from([0x23, 0x20, 0xe9, 0x74, 0xe9, 0x0a]))
      serving = await world.serve()
    }, 90_000)

    afterAll(async () => {
      await serving.kill('SIGTERM')
      await model.close()
      world.close()
    }, 30_000)

    largeTest(
      'a prompt of 20 MB is accepted, reaches the model whole, and its run folder is complete',
      async () => {
        const prompt = `${'0123456789abcde '.repeat(1_310_720)}the end`
        expect(prompt.length).toBeGreaterThan(20 * 1024 * 1024)
        const { runId } = await post(serving, { prompt, retrieval: false })
        expect(await ended(serving, { runId })).toMatchObject({ outcome: 'accepted', answer: 'a plain answer' })
        expect(messagesOf(model).at(-1)?.content).toBe(prompt)
        const rows = await folderOf(runId)
        expect(JSON.stringify(rows).includes(sha256(prompt)) || JSON.stringify(rows).includes(prompt)).toBe(true)
        expect(readFileSync(join(world.folder, 'runs', runId, 'artifacts', 'output.txt'), 'utf8')).toBe(
          'a plain answer',
        )
        model.reset()
      },
      120_000,
    )

    largeTest(
      'a prompt of 20 MB on stdin of the command line is answered',
      async () => {
        const prompt = 'a word or two; '.repeat(1_400_000)
        const printed = await world.lattice(['run', '-', '--no-rag'], { stdin: prompt })
        expect(printed.code, printed.stderr).toBe(0)
        expect(printed.stdout).toBe('a plain answer\n')
        expect(messagesOf(model).at(-1)?.content).toBe(prompt)
        model.reset()
      },
      120_000,
    )

    largeTest(
      'an answer of 50 MB is kept whole, under its hash, and the run folder is complete',
      async () => {
        const answer = 'long answer, '.repeat(4_100_000)
        model.answerWith(answer)
        const { runId } = await post(serving, { prompt: 'say much', retrieval: false })
        const run = await ended(serving, { runId }, 90_000)
        model.answerWith('a plain answer')
        expect(run).toMatchObject({ outcome: 'accepted', answerSha256: sha256(answer) })
        const object = await fetch(`${serving.url}/v1/objects/${sha256(answer)}`)
        expect(object.status).toBe(200)
        expect(sha256(Buffer.from(await object.arrayBuffer()))).toBe(sha256(answer))
        await folderOf(runId)
        expect(sha256(readFileSync(join(world.folder, 'runs', runId, 'artifacts', 'output.txt')))).toBe(sha256(answer))
      },
      180_000,
    )

    test('NUL bytes and lone surrogates in a posted prompt are refused by name', async () => {
      for (const odd of ['a\u0000b', 'a \ud800 b']) {
        const response = await send(serving, { prompt: odd })
        expect(response.status).toBe(400)
        expect(await response.json()).toMatchObject({
          code: 'request.invalid',
          detail: expect.stringMatching(/NUL|surrogate/),
        })
      }
    })

    test('NUL bytes on stdin, and NUL bytes and lone surrogates in an answer, pass through every store', async () => {
      const odd = 'a\u0000b \ud800 c \udc00\ud83d'
      model.answerWith(odd)
      const printed = await world.lattice(['run', '-', '--no-rag', '--json'], { stdin: 'say a\u0000b' })
      model.answerWith('a plain answer')
      expect(printed.code, printed.stderr).toBe(0)
      const { runId } = JSON.parse(printed.stdout) as { runId: string }
      expect(messagesOf(model).at(-1)?.content).toBe('say a\u0000b')
      expect(await ended(serving, { runId })).toMatchObject({ outcome: 'accepted', answer: odd.toWellFormed() })
      await folderOf(runId)
      expect(readFileSync(join(world.folder, 'runs', runId, 'artifacts', 'output.txt'), 'utf8')).toBe(
        odd.toWellFormed(),
      )
      await eventually(
        'the verdict is not in the warehouse',
        async () => (await column(`SELECT count(*) FROM verdicts WHERE run = '${runId}'`)) === 1,
        { deadlineMs: 30_000 },
      )
      expect(await column(`SELECT content FROM attempt_completed WHERE run = '${runId}'`)).toBe(odd.toWellFormed())
      expect(await column(`SELECT CAST(messages AS VARCHAR) FROM task_submitted WHERE run = '${runId}'`)).toContain(
        'say a',
      )
      expect(await lettersOf()).toEqual([])
    }, 60_000)

    test('a document that is no text is skipped by name, and the others are found', async () => {
      const printed = await world.lattice(['run', 'Where does a heron stand?'])
      expect(printed.code, printed.stderr).toBe(0)
      expect(printed.stderr).toContain('skipped docs/picture.txt: not UTF-8 text')
      expect(printed.stderr).toContain('skipped docs/latin.md: not UTF-8 text')
      expect(JSON.stringify(messagesOf(model))).toContain('shallow water')
    }, 60_000)

    test('[poison.parked] what is no event, in any topic, is set aside by name once, and everything else goes on', async () => {
      await world.withGiven(async ({ log }) => {
        for (const topic of topics) {
          const { type } = topic
          await log.append(topic.name, [
            { key: `stranger-${topic.name}`, headers: {}, value: Buffer.from('not avro at all') },
            {
              key: `stranger-${topic.name}`,
              headers: foreignHeaders('made.up'),
              value: Buffer.from([0, 1, 2, 3]),
            },
            {
              key: `garbage-${topic.name}`,
              headers: foreignHeaders(type),
              value: Buffer.from([0, 0, 0, 0, 1, 2, 3]),
            },
            { key: `garbage-${topic.name}`, headers: foreignHeaders(type), value: Buffer.alloc(0) },
          ])
        }
      })
      const { runId } = await post(serving, { prompt: 'and now?' })
      expect(await ended(serving, { runId })).toMatchObject({ outcome: 'accepted', answer: 'a plain answer' })
      await eventually(
        'not every record is parked',
        async () => new Set((await lettersOf()).map(placeOf)).size >= topics.length * 4,
        { deadlineMs: 30_000 },
      )
      const letters = await lettersOf()
      expect(letters.every(({ message }) => typeof message === 'string' && message !== '')).toBe(true)
      for (const { name } of topics)
        expect(letters.filter(({ topic }) => topic === name).map(placeOf), name).not.toEqual([])
      const ready = await fetch(`${serving.url}/ready`)
      expect(ready.status, await ready.text()).toBe(200)
    }, 90_000)

    test('[store.deterministic] after all of that, each store rebuilt from the log is equal', async () => {
      await caughtUp(serving)
      await serving.kill('SIGTERM')
      try {
        for (const store of ['lookup', 'search', 'folders', 'warehouse']) await rebuiltEqual(world, store)
      } finally {
        serving = await world.serve()
      }
    }, 180_000)

    interface Letter {
      readonly topic: string
      readonly partition: number
      readonly offset: number
      readonly message: unknown
    }

    async function lettersOf(): Promise<Letter[]> {
      const { stdout } = await world.lattice(['dead-letters', 'list', '--json'])
      return JSON.parse(stdout) as Letter[]
    }

    async function column(sql: string): Promise<unknown> {
      const response = await fetch(`${serving.url}/v1/sql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sql }),
      })
      const body = (await response.json()) as { rows?: unknown[][] }
      if (response.status !== 200) throw new Error(JSON.stringify(body))
      return body.rows?.[0]?.[0]
    }

    /** The rows of a run's folder once it is complete. */
    async function folderOf(runId: string): Promise<Record<string, unknown>[]> {
      const path = join(world.folder, 'runs', runId, 'run.jsonl')
      let rows: Record<string, unknown>[] = []
      await eventually(
        () => `run folder ${runId} is not complete`,
        () => {
          rows = rowsOf(path)
          return rows.some(({ event }) => event === 'run_completed')
        },
        { deadlineMs: 30_000 },
      )
      return rows
    }
  })
}

const topics = [
  { name: 'runs.v1', type: 'task.submitted' },
  { name: 'documents.v1', type: 'document.ingested' },
  { name: 'operations.v1', type: 'object.erased' },
  { name: 'dead-letters.v1', type: 'record.parked' },
] as const

function placeOf({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string {
  return `${topic}:${partition}:${offset}`
}

function messagesOf({ calls }: FakeOpenAi): { role: string; content: string }[] {
  return (JSON.parse(calls.at(-1)?.body ?? '{"messages":[]}') as { messages: { role: string; content: string }[] })
    .messages
}
