/**
 * Backup and restore of a LATTICE_DATA with an embedded log, objects and what can be rebuilt.
 */
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDiskObjects } from '#infra/disk/disk-objects.ts'
import { copyEmbeddedLog } from '#infra/embedded/copy-embedded-log.ts'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { createSystemClock } from '#infra/system/system-clock.ts'
import type { Signal } from '#processors/ports/report.ts'
import { backUp } from '#processors/transfer/backup.command.ts'
import { logFile } from '#processors/transfer/backup-manifest.ts'
import { restore } from '#processors/transfer/restore.command.ts'
import { everything } from '#test/contracts/objects.ts'
import { readTopic, records } from '#test/contracts/records.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'

const recordCount = 3000
const objectCount = 60
const damaged = expect.objectContaining({ code: 'log.damaged' })
const invalid = expect.objectContaining({ code: 'request.invalid' })
const quiet = { clock: createSystemClock(), report: () => {} }

/** A LATTICE_DATA in use, and a backup of it. */
let data: string
let backup: string
let folder: string

beforeAll(async () => {
  data = temporary()
  const log = await openEmbeddedEventLog({ path: data, syncMode: 'off' })
  for (let n = 0; n < recordCount; n += 1000) await log.append('runs.v1', records(1000, `k-${n}`, 300))
  const objects = openDiskObjects(join(data, 'objects'))
  for (let n = 0; n < objectCount; n += 1) await objects.put(Buffer.alloc(20_000 + n, `object ${n}`))
  mkdirSync(join(data, 'stores', 'lookup'), { recursive: true })
  writeFileSync(join(data, 'stores', 'lookup', 'current'), 'x')
  writeFileSync(join(data, 'referee.sqlite'), 'x')
  backup = join(temporary(), 'backup')
  await backUp(quiet, { data, to: backup, copyLog })
})

beforeEach(() => {
  folder = temporary()
})

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'lattice-backup-'))
}

function copyLog(path: string): Promise<void> {
  return copyEmbeddedLog(data, path)
}

/** Everything is there and can be read. */
async function expectWhole(restored: string): Promise<void> {
  const log = await openEmbeddedEventLog({ path: restored, syncMode: 'off' })
  expect((await readTopic(log, 'runs.v1')).length).toBe(recordCount)
  await log.close()
  const objects = openDiskObjects(join(restored, 'objects'))
  const listed = await everything(objects)
  expect(listed.length).toBe(objectCount)
  for (const { sha256, sizeBytes } of listed) expect((await objects.get(sha256)).length).toBe(sizeBytes)
}

describe('a backup', () => {
  it('says what is in it and what is not', async () => {
    const signals: Signal[] = []
    const ports = { ...quiet, report: (signal: Signal) => signals.push(signal) }
    const made = await backUp(ports, { data, to: join(folder, 'new'), copyLog })
    expect(made).toMatchObject({ files: objectCount + 1, hasLog: true })
    expect(made.leftOut).toEqual(expect.arrayContaining(['referee.sqlite', 'stores']))
    expect(readdirSync(made.folder).sort()).toEqual(['log.sqlite', 'manifest.json', 'objects'])
    expect(signals.at(-1)).toMatchObject({ of: 'backup', unit: 'files', done: objectCount + 1, total: objectCount + 1 })
  })

  it('of a log that is somewhere else has the objects alone', async () => {
    const made = await backUp(quiet, { data, to: folder })
    expect(made).toMatchObject({ files: objectCount, hasLog: false })
    const target = join(temporary(), 'data')
    expect(await restore(quiet, { from: folder, data: target })).toMatchObject({ hasLog: false, files: objectCount })
    expect(readdirSync(target)).toEqual(['objects'])
  })

  it('is refused into a folder that is not empty, or stands in LATTICE_DATA, or around it', async () => {
    writeFileSync(join(folder, 'precious'), '')
    await expect(backUp(quiet, { data, to: folder, copyLog })).rejects.toThrow(invalid)
    expect(readdirSync(folder)).toEqual(['precious'])
    await expect(backUp(quiet, { data, to: join(data, 'backup'), copyLog })).rejects.toThrow(invalid)
    await expect(backUp(quiet, { data, to: join(data, '..'), copyLog })).rejects.toThrow(invalid)
    await expect(backUp(quiet, { data, to: data, copyLog })).rejects.toThrow(invalid)
  })

  it('that fails leaves nothing behind', async () => {
    const to = join(folder, 'new')
    const fails = async (path: string): Promise<void> => {
      await copyLog(path)
      throw new Error('out of luck')
    }
    await expect(backUp(quiet, { data, to, copyLog: fails })).rejects.toThrow('out of luck')
    expect(readdirSync(to)).toEqual([])
  })

  it('has no object that is put after its log was copied missing, and none before it', async () => {
    const busy = temporary()
    const objects = openDiskObjects(join(busy, 'objects'))
    const log = await openEmbeddedEventLog({ path: busy, syncMode: 'off' })
    let stopped = false
    const working = (async () => {
      for (let n = 0; !stopped; n += 1) {
        const sha256 = await objects.put(Buffer.from(`object ${n}`))
        await log.append('runs.v1', [{ key: sha256, headers: {}, value: Buffer.from('refers to its key') }])
      }
    })()
    for (let lap = 0; lap < 5; lap += 1) {
      const to = join(folder, `backup-${lap}`)
      const target = join(folder, `data-${lap}`)
      await backUp(quiet, { data: busy, to, copyLog: (path) => copyEmbeddedLog(busy, path) })
      await restore(quiet, { from: to, data: target })
      const restored = await openEmbeddedEventLog({ path: target, syncMode: 'off' })
      const stored = await readTopic(restored, 'runs.v1')
      await restored.close()
      const there = openDiskObjects(join(target, 'objects'))
      for (const { key } of stored) expect(await there.has(key)).toBe(true)
    }
    stopped = true
    await working
    await log.close()
  })

  it('that was killed is none', async () => {
    for (let round = 0; round < 3; round += 1) {
      const into = temporary()
      await runAndKill(import.meta.resolve('#test/crash/backup-taker.ts'), [data, into], 20 + randomMs(250))
      for (const name of readdirSync(into)) {
        const from = join(into, name)
        const target = join(temporary(), 'data')
        if (existsSync(join(from, 'manifest.json'))) {
          await restore(quiet, { from, data: target })
          await expectWhole(target)
        } else {
          await expect(restore(quiet, { from, data: target })).rejects.toThrow(damaged)
          expect(existsSync(target)).toBe(false)
        }
      }
    }
  })
})

describe('a restore', () => {
  it('gives back the log and every object', async () => {
    const target = join(folder, 'a', 'data')
    const restored = await restore(quiet, { from: backup, data: target })
    expect(restored).toMatchObject({ folder: target, files: objectCount + 1, hasLog: true })
    expect(readdirSync(target).sort()).toEqual([logFile, 'objects'])
    await expectWhole(target)
  })

  it('is refused into a folder that is not empty, and touches nothing there', async () => {
    writeFileSync(join(folder, 'precious'), 'x')
    await expect(restore(quiet, { from: backup, data: folder })).rejects.toThrow(invalid)
    expect(readdirSync(folder)).toEqual(['precious'])
    await expect(restore(quiet, { from: backup, data })).rejects.toThrow(invalid)
  })

  const harms: [string, (from: string) => void][] = [
    ['the log has a byte changed', (from) => changeByte(join(from, logFile), 5000)],
    ['the log has bytes more', (from) => appendFileSync(join(from, logFile), 'x')],
    ['the log is gone', (from) => rmSync(join(from, logFile))],
    ['an object has a byte changed', (from) => changeByte(anObject(from), 10)],
    ['an object is gone', (from) => rmSync(anObject(from))],
    ['the manifest is gone', (from) => rmSync(join(from, 'manifest.json'))],
    ['the manifest is cut', (from) => writeFileSync(join(from, 'manifest.json'), manifest(from).slice(0, -40))],
    ['a file was taken out of the manifest', (from) => withoutAnObject(from)],
    ['the manifest names a file outside', (from) => renamed(from, '../../escaped')],
    ['the manifest names no files', (from) => rewritten(from, () => null)],
    ['the manifest names files that are numbers', (from) => rewritten(from, () => [5])],
    ['the manifest names a path that is a number', (from) => rewritten(from, ([file]) => [{ ...file, path: 5 }])],
    ['the manifest names a file twice', (from) => rewritten(from, ([file, ...rest]) => [file, file, ...rest])],
    ['an object is a pipe', (from) => asPipe(anObject(from))],
  ]
  it.for(harms)('is refused when %s, and leaves the folder empty', async ([, harm]) => {
    const from = join(folder, 'backup')
    cpSync(backup, from, { recursive: true })
    harm(from)
    const target = join(folder, 'data')
    await expect(restore(quiet, { from, data: target })).rejects.toThrow(damaged)
    expect(existsSync(target) ? readdirSync(target) : []).toEqual([])
    expect(existsSync(join(folder, '..', 'escaped'))).toBe(false)
  })

  it('of a backup by a newer version is refused by name', async () => {
    const from = join(folder, 'backup')
    cpSync(backup, from, { recursive: true })
    writeFileSync(join(from, 'manifest.json'), manifest(from).replace('"version": 1', '"version": 2'))
    const newer = expect.objectContaining({ code: 'log.newer' })
    await expect(restore(quiet, { from, data: join(folder, 'data') })).rejects.toThrow(newer)
  })

  it('on a disk that is too small says so and leaves the folder empty', async ({ skip }) => {
    const disk = mountSmallDisk(1024)
    if (disk === undefined) return skip('a tmpfs can only be mounted by root')
    try {
      const full = expect.objectContaining({ code: 'log.full' })
      await expect(restore(quiet, { from: backup, data: disk.folder })).rejects.toThrow(full)
      expect(readdirSync(disk.folder)).toEqual([])
    } finally {
      disk.unmount()
    }
  })

  it('that was killed leaves no log, a whole one, or one that is refused by name', async () => {
    const states = new Set<string>()
    for (let round = 0; round < 12 && !states.has('refused'); round += 1) {
      const into = temporary()
      await runAndKill(import.meta.resolve('#test/crash/backup-restorer.ts'), [backup, into], 5 + randomMs(150))
      for (const name of readdirSync(into)) states.add(await stateOf(join(into, name)))
    }
    expect(states).toContain('refused')
  })

  async function stateOf(target: string): Promise<string> {
    if (!existsSync(join(target, logFile))) {
      expect(readdirSync(target)).toEqual([])
      return 'nothing'
    }
    if (statSync(join(target, logFile)).size > 1000) {
      await expectWhole(target)
      return 'whole'
    }
    await expect(openEmbeddedEventLog({ path: target })).rejects.toThrow(damaged)
    await expect(restore(quiet, { from: backup, data: target })).rejects.toThrow(invalid)
    return 'refused'
  }
})

function manifest(from: string): string {
  return readFileSync(join(from, 'manifest.json'), 'utf8')
}

function changeByte(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

function anObject(from: string): string {
  const [path = ''] = /objects\/[^"]+/.exec(manifest(from)) ?? []
  return join(from, path)
}

function withoutAnObject(from: string): void {
  const content = JSON.parse(manifest(from)) as { files: unknown[] }
  content.files.pop()
  writeFileSync(join(from, 'manifest.json'), JSON.stringify(content))
}

function asPipe(path: string): void {
  rmSync(path)
  execFileSync('mkfifo', [path])
}

function renamed(from: string, name: string): void {
  rewritten(from, ([file, ...rest]) => {
    renameSync(join(from, file?.path ?? ''), join(from, 'moved'))
    return [{ ...file, path: name }, ...rest]
  })
}

/** Even with a checksum that is right. */
function rewritten(from: string, change: (files: readonly { readonly path: string }[]) => unknown): void {
  const { sha256: _, ...content } = JSON.parse(manifest(from)) as { sha256: string; files: { path: string }[] }
  const changed = { ...content, files: change(content.files) }
  const sha256 = hash('sha256', JSON.stringify(changed), 'hex')
  writeFileSync(join(from, 'manifest.json'), JSON.stringify({ ...changed, sha256 }))
}
