/** Run folders: the files people know. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLiveStore } from '#processors/stores/live-store.ts'
import { sha256 } from '#schemas/ids.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { chained } from '#test/processors/recorded.ts'
import { happened } from './run-script.ts'

let world: LogWorld
let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-folders-'))
  world = await openLogWorld({ folder, claimCheckBytes: 200 })
})
afterEach(async () => {
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

async function fold(): Promise<string> {
  const live = await openLiveStore(world.stores.folders, { builds: world.builds, ports: world.ports })
  const [end] = await world.log.bounds('runs.v1')
  await eventually('the end', () => live.next('runs.v1', 0) === end!.next)
  const { hash } = await live.contentHash()
  await live.close()
  return hash
}
const runsFolder = () => join(folder, 'runs')
const filesBelow = (root: string): Map<string, string> =>
  new Map(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(root.length + 1), readFileSync(path, 'base64')]),
  )
const text = (path: string): string => readFileSync(join(runsFolder(), 'r', path), 'utf8')

test('a run has exactly the files it is known by, with all of its prompts, answers and searches', async () => {
  const long = `an answer of ${'many words '.repeat(100)}`
  const hits = [{ chunk: 'd:0', document: 'd', path: 'README.md', rank: 1, score: 0.5, used: true }]
  const retrieved = happened.retrieved()
  await world.journal.write(
    chained('r', [
      happened.submitted({ messages: JSON.stringify([{ role: 'user', content: 'a question' }]) }),
      happened.started(),
      { ...retrieved, data: { ...retrieved.data, hits } } as typeof retrieved,
      happened.attempted(1),
      happened.failed(1, { raw: '{"error":"busy"}' }),
      happened.waited(),
      happened.attempted(2),
      happened.answered(2, { content: long }),
      happened.judged(2, true),
      happened.completed('accepted', 2),
    ]),
  )
  await world.journal.write(chained('chat', [happened.submitted({ kind: 'chat' }), happened.completed('failed')]))
  await fold()
  expect([...filesBelow(runsFolder()).keys()]).toEqual([
    'r/artifacts/index.json',
    'r/artifacts/output.txt',
    'r/config.json',
    'r/run.jsonl',
  ])
  expect(text('artifacts/output.txt')).toBe(long)
  expect(JSON.parse(text('artifacts/index.json'))).toEqual({
    run: 'r',
    artifacts: [
      {
        path: 'output.txt',
        mime: 'text/plain; charset=utf-8',
        sha256: sha256(long),
        sizeBytes: Buffer.byteLength(long),
        tags: ['output', 'accepted'],
        metadata: { attempt: 2, provider: 'one', model: 'm' },
      },
    ],
  })
  const config = JSON.parse(text('config.json')) as { ladder: { choices: { key: string }[] }[] }
  expect(config).toMatchObject({ run: 'r', kind: 'task', limits: { attempts: 6 } })
  expect(config.ladder[0]!.choices[0]!.key).toBe('masked')
  const rows = text('run.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(rows.map(({ event }) => event)).toEqual([
    'submitted',
    'run_started',
    'rag_ingest',
    'rag_queries',
    'rag_hits',
    'attempt_started',
    'task_cancelled',
    'attempt_failed',
    'retry_wait',
    'attempt_started',
    'attempt_completed',
    'task_cancelled',
    'verdict_reached',
    'run_completed',
  ])
  expect(rows.find(({ event }) => event === 'submitted')).toMatchObject({
    messages: [{ content: 'a question' }],
    seq: 0,
  })
  expect(rows.find(({ event }) => event === 'rag_hits')).toMatchObject({ hits })
  expect(rows.find(({ event }) => event === 'attempt_failed')).toMatchObject({
    raw: '{"error":"busy"}',
    code: 'overloaded',
  })
  expect(rows.find(({ event }) => event === 'attempt_completed')).toMatchObject({ content: long })
  for (const row of rows) expect(row['ts']).toMatch(/^\d{4}-\d\d-\d\dT/)
})

test('a run that ended without an answer has no artifact in its catalog', async () => {
  await world.journal.write(chained('r', [happened.submitted(), happened.completed('cancelled')]))
  await fold()
  expect(JSON.parse(text('artifacts/index.json'))).toEqual({ run: 'r', artifacts: [] })
  expect([...filesBelow(runsFolder()).keys()]).toEqual(['r/artifacts/index.json', 'r/config.json', 'r/run.jsonl'])
})
