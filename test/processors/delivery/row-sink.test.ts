/** Rows in a file that others append to as well: killed writers, foreign rows, moved files, full disks. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDiskRowFile } from '#infra/disk/disk-row-file.ts'
import { Failure } from '#processors/ports/failure.ts'
import { writeRows } from '#processors/delivery/row-sink.ts'
import { sessionsSink } from '#processors/kinds/iterate/sessions.sink.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'
import { sessions } from '#test/processors/kinds/iterate/iterate-script.ts'
import { type LogWorld, openLogWorld } from '#test/processors/log-world.ts'
import { chained } from '#test/processors/recorded.ts'

let folder: string
let world: LogWorld
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-rows-'))
  world = await openLogWorld({ folder })
})
afterEach(async () => {
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

const paths = () => ({ path: join(folder, 'shared', 'sessions.jsonl'), notePath: join(folder, 'note.json') })
const write = (at = paths(), signal = AbortSignal.timeout(30_000), follow = false): Promise<void> =>
  writeRows(
    sessionsSink,
    { ...world.ports, claimCheck: world.claimCheck, file: openDiskRowFile(at) },
    { follow, signal },
  )
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1)
const runsIn = (lines: readonly string[]): string[] => lines.flatMap((line) => sessionsSink.ownRunOf(line) ?? [])
/** But for the one with a control event, which is in no chain. */
const scripts = Object.values(sessions).filter((events) => !events.some(({ type }) => type === 'task.cancelled'))

async function record(...runs: readonly string[]): Promise<void> {
  for (const [index, run] of runs.entries()) await world.journal.write(chained(run, scripts[index % scripts.length]!))
}

test('each run that ends gets one row, however often the writer starts anew', async () => {
  await record('a', 'b')
  await write()
  await record('c')
  await write()
  await write()
  expect(runsIn(linesOf(paths().path))).toEqual(['a', 'b', 'c'])
})

test('a run that is open when the writer stops gets its row from the next one', async () => {
  const [first, ...rest] = chained('slow', scripts[0]!)
  await world.journal.write([first!])
  await record('quick')
  await write()
  expect(runsIn(linesOf(paths().path))).toEqual(['quick'])
  await world.journal.write(rest)
  await write()
  expect(runsIn(linesOf(paths().path))).toEqual(['quick', 'slow'])
})

test('without its note the writer finds its own rows; a cut one is a line of its own, and is written again', async () => {
  await record('a', 'b')
  await write()
  const { path, notePath } = paths()
  rmSync(notePath)
  appendFileSync(path, '{"daemon":"lattice","run_id":"c","prom')
  await record('c')
  await write()
  const lines = linesOf(path)
  expect(lines).toHaveLength(4)
  expect(lines[2]).toBe('{"daemon":"lattice","run_id":"c","prom')
  expect(runsIn(lines)).toEqual(['a', 'b', 'c'])
})

test('a file that was moved away stays as it was, and a new one goes on', async () => {
  await record('a', 'b')
  await write()
  const { path } = paths()
  renameSync(path, `${path}.1`)
  await record('c')
  await write()
  expect([runsIn(linesOf(`${path}.1`)), runsIn(linesOf(path))]).toEqual([['a', 'b'], ['c']])
})

test('a row whose append failed after it was written is not written again', async () => {
  await record('a', 'b')
  const file = openDiskRowFile(paths())
  let appends = 0
  async function append(rows: readonly string[]): Promise<void> {
    await file.append(rows)
    if (++appends === 2) throw new Failure('store.stalled', 'the disk would not sync')
  }
  await writeRows(
    sessionsSink,
    { ...world.ports, claimCheck: world.claimCheck, file: { ...file, append } },
    { follow: false, signal: AbortSignal.timeout(30_000) },
  )
  expect(runsIn(linesOf(paths().path))).toEqual(['a', 'b'])
  expect(world.signals.filter(({ signal }) => signal === 'store.stalled')).toHaveLength(1)
})

test('killed again and again beside another daemon: all rows are whole, ours once each, the other’s all there', async () => {
  const { path, notePath } = paths()
  await record('before')
  await write()
  const other = spawn(process.execPath, [fileURLToPath(import.meta.resolve('#test/crash/foreign-appender.ts')), path])
  await once(other.stdout, 'data')
  const runs = ['before']
  for (let kill = 0; kill < 4; kill++) {
    const more = Array.from({ length: 25 }, (_, index) => `run-${kill}-${index}`)
    runs.push(...more)
    await record(...more)
    await runAndKill(import.meta.resolve('#test/crash/session-writer.ts'), [folder, path, notePath], randomMs(250))
  }
  await write()
  other.kill('SIGKILL')
  await once(other, 'exit')
  const lines = linesOf(path)
  const rows = lines.map((line) => JSON.parse(line) as { daemon: string; number?: number })
  expect(runsIn(lines).toSorted()).toEqual(runs.toSorted())
  const numbers = rows.filter(({ daemon }) => daemon === 'gateway').map(({ number }) => number)
  expect(numbers.length).toBeGreaterThan(10)
  expect(numbers).toEqual(numbers.map((_, index) => index))
}, 60_000)

test('a full disk is told of, and its rows come once there is space', async ({ skip }) => {
  const disk = mountSmallDisk(256)
  if (disk === undefined) return skip('no small disk may be mounted here')
  try {
    const at = { path: join(disk.folder, 'sessions.jsonl'), notePath: paths().notePath }
    const [first = '', ...others] = Array.from({ length: 12 }, (_, index) => `run-${index + 10}`)
    await record(first)
    await write(at)
    disk.fill()
    const ended = new AbortController()
    const writing = write(at, ended.signal, true)
    await record(...others)
    await eventually('a warning', async () => world.signals.find(({ signal }) => signal === 'store.stalled'))
    disk.free()
    const runs = await eventually('all rows', async () => {
      const found = runsIn(linesOf(at.path))
      return found.length >= 12 ? found : undefined
    })
    ended.abort()
    await writing
    expect(runs.toSorted()).toEqual([first, ...others])
  } finally {
    disk.unmount()
  }
}, 60_000)
