/** Rows that are owed: once each, whoever else writes them, whatever the disk says. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDiskRowFile } from '#infra/disk/disk-row-file.ts'
import { createSystemClock } from '#infra/system/system-clock.ts'
import { owedRows } from '#processors/kinds/replay/owed-rows.ts'
import type { OwedRows } from '#processors/kinds/replay/owed-rows.ts'
import { evolve } from '#processors/runs/evolve.ts'
import type { RunState } from '#processors/runs/run.ts'
import { event, happened, ladder } from '#test/processors/runs/run-script.ts'
import { sampleTask } from '#test/schemas/sample-data.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-owed-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const path = (): string => join(folder, 'rows.jsonl')
const note = (): string => join(folder, 'note.json')
const ids = (): unknown[] =>
  readFileSync(path(), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Record<string, unknown>)['recorded_run_id'])
const owed = (): unknown[] => (JSON.parse(readFileSync(note(), 'utf8')) as { owed: unknown[] }).owed

function replayed(runId: string, ...more: Parameters<typeof evolve>[1][]): RunState {
  const spec = sampleTask({
    kind: 'replay',
    messages: JSON.stringify([{ role: 'user', content: 'Größe?' }]),
    ladder: ladder(['one']),
    tags: { task_hash: 'ab'.repeat(32), recorded_at: '2026-11-21T00:00:00.000Z' },
  })
  const events = [event('task.submitted', spec), happened.started(), ...more]
  return { ...events.reduce<RunState | undefined>(evolve, undefined)!, runId }
}
const ended = (runId: string): RunState =>
  replayed(runId, happened.attempted(1), happened.answered(1), happened.completed('accepted', 1))

const known = new Map<string, RunState>()
const living = new Set<string>()
function rows(worker: string): OwedRows {
  living.add(`process-${worker}`)
  const openRows = () => openDiskRowFile({ path: path(), notePath: note() })
  return owedRows({
    openRows,
    note: openRows(),
    claimCheck: { open: async (text) => (typeof text === 'string' ? text : text.sha256) },
    locks: { tryAcquire: () => ({ release() {} }), isHeld: (name) => living.has(name) },
    clock: createSystemClock(),
    logId: 'log',
    worker,
    read: async (runId) => known.get(runId),
  })
}

test('who asked writes the row, and then nothing is owed; of many at once each is', async () => {
  const ours = rows('a')
  const runs = ['replay:1:a', 'replay:1:b', 'replay:1:c']
  await Promise.all(runs.map((run) => ours.owe(run, folder)))
  expect(owed()).toHaveLength(3)
  await Promise.all(runs.map((run) => ours.write(ended(run), folder)))
  expect(ids().toSorted((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual(runs)
  expect(owed()).toEqual([])
})

test('a run that is under way stays owed; one whose process died before it was on the log is not any more', async () => {
  const ours = rows('a')
  await ours.owe('replay:1:open', folder)
  await ours.owe('replay:1:never', folder)
  known.set('replay:1:open', replayed('replay:1:open'))
  expect(await ours.sweep()).toEqual([])
  expect(owed()).toHaveLength(2)
  living.clear()
  await rows('b').sweep()
  expect(owed()).toMatchObject([{ runId: 'replay:1:open' }])
})

test('what another process wrote meanwhile, and before the kill, is found in the file', async () => {
  appendFileSync(path(), '{"recorded_run_id":"replay:1:earlier"}\n')
  const ours = rows('a')
  await ours.owe('replay:1:a', folder)
  known.set('replay:1:a', ended('replay:1:a'))
  await rows('b').sweep()
  await ours.write(ended('replay:1:a'), folder)
  await rows('b').sweep()
  expect(ids()).toEqual(['replay:1:earlier', 'replay:1:a'])
})

test('a disk that takes no row is told of, and the others’ rows do not wait for it', async () => {
  const ours = rows('a')
  mkdirSync(path())
  await ours.owe('replay:1:a', folder)
  known.set('replay:1:a', ended('replay:1:a'))
  await expect(ours.write(ended('replay:1:a'), folder)).rejects.toMatchObject({ code: 'store.stalled' })
  expect(await ours.sweep()).toMatchObject([{ code: 'store.stalled' }])
  rmSync(path(), { recursive: true })
  expect(await ours.sweep()).toEqual([])
  expect(ids()).toEqual(['replay:1:a'])
})

test('a run that a key names is known outside by its task and that name', async () => {
  await rows('a').write(ended('0f9a3c1e-0000-8000-8000-000000000000'), folder)
  expect(ids()).toEqual([expect.stringMatching(/^replay:abababababababab:[0-9a-f]{12}$/)])
})
