/** A folder store on a real disk: commits, kills, full disks, and paths that would leave its root. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert, constantFrom, oneof, property, string } from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDiskFolderStore } from '#infra/disk/disk-folder-store.ts'
import type { FolderStore } from '#processors/ports/folder-store.ts'
import { foldEvents, nextOf } from '#test/crash/folder-writer.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'

let folder: string
let root: string
let statePath: string
let store: FolderStore

const at = (next: number): Parameters<FolderStore['commit']>[0] => [
  { topic: 'runs.v1', partition: 0, next, lastId: `event ${next - 1}` },
]
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const reopen = (): void => {
  store.close()
  store = openDiskFolderStore({ root, statePath })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-folder-'))
  root = join(folder, 'runs')
  statePath = join(folder, 'state.sqlite')
  store = openDiskFolderStore({ root, statePath })
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true })
})

describe('a commit', () => {
  test('appends and replaces files, and keeps their lengths and the checkpoint', () => {
    store.append('a/log.jsonl', 'one\n')
    store.append('a/log.jsonl', new Uint8Array([0xc3, 0xa9]))
    store.replace('a/out.txt', 'first')
    store.replace('a/out.txt', 'second')
    store.append('a/out.txt', ' and more')
    store.commit(at(3))
    reopen()
    expect(read('a/log.jsonl')).toBe('one\né')
    expect(read('a/out.txt')).toBe('second and more')
    expect([...store.files()]).toEqual([
      { path: 'a/log.jsonl', sizeBytes: 6 },
      { path: 'a/out.txt', sizeBytes: 15 },
    ])
    expect(store.checkpoints()).toEqual(at(3))
    expect(readdirSync(join(root, 'a'))).toEqual(['log.jsonl', 'out.txt'])
  })

  test('that never comes leaves no trace', () => {
    store.append('a', 'x')
    store.note('k', 'v')
    expect(store.noted('k')).toBe('v')
    store.rollback()
    expect(store.noted('k')).toBeUndefined()
    store.commit(at(1))
    expect(readdirSync(root)).toEqual([])
  })

  test('keeps notes until they are taken back', () => {
    store.note('k', 'v')
    store.commit(at(1))
    reopen()
    expect(store.noted('k')).toBe('v')
    store.note('k', undefined)
    store.commit(at(2))
    reopen()
    expect(store.noted('k')).toBeUndefined()
  })

  test('cuts off what a killed one had written beyond the committed length', () => {
    store.append('a', 'committed')
    store.commit(at(1))
    appendFileSync(join(root, 'a'), ' and then torn off in the mid')
    store.append('a', '!')
    store.commit(at(2))
    expect(read('a')).toBe('committed!')
  })
})

describe('a file that is not as it was committed', () => {
  test('asks for a rebuild when it is shorter, and when it is gone', () => {
    const rebuild = expect.objectContaining({ code: 'store.rebuild-required' })
    store.append('a', 'committed')
    store.append('b', 'committed')
    store.commit(at(1))
    truncateSync(join(root, 'a'), 3)
    store.append('a', 'x')
    expect(() => store.commit(at(2))).toThrow(rebuild)
    expect(store.checkpoints()).toEqual(at(1))
    expect(() => store.contentHash()).toThrow(rebuild)
    store.rollback()
    rmSync(join(root, 'b'))
    store.append('b', 'x')
    expect(() => store.commit(at(2))).toThrow(rebuild)
  })
})

describe('a path', () => {
  test.for(['', '/etc/x', '../x', 'a/../../x', 'a//b', './a', 'a\\b', 'a\0b', 'a\nb', 'a/', 'x'.repeat(251), '.a.tmp'])(
    'like %j is refused at once',
    (path) => {
      const refused = expect.objectContaining({ code: 'request.invalid' })
      expect(() => store.append(path, 'x')).toThrow(refused)
      expect(() => store.replace(path, 'x')).toThrow(refused)
    },
  )

  test('that is taken stays inside the root', () => {
    assert(
      property(array(oneof(constantFrom('..', '.', 'a', '/', '\0'), string())), (parts) => {
        const path = parts.join('/')
        try {
          store.append(path, 'x')
        } catch {
          return
        }
        expect(join(root, path).startsWith(`${root}/`)).toBe(true)
        store.rollback()
      }),
    )
  })

  test('over a symbolic link out of the root stalls the store and writes nothing there', () => {
    const outside = join(folder, 'outside')
    mkdirSync(outside)
    symlinkSync(outside, join(root, 'link'))
    store.append('link/deep/x', 'x')
    expect(() => store.commit(at(1))).toThrow(expect.objectContaining({ code: 'store.stalled' }))
    expect(readdirSync(outside)).toEqual([])
    store.rollback()
    symlinkSync(join(outside, 'target'), join(root, 'file'))
    store.append('file', 'x')
    expect(() => store.commit(at(1))).toThrow(expect.objectContaining({ code: 'store.stalled' }))
    expect(existsSync(join(outside, 'target'))).toBe(false)
  })
})

describe('a replaced file', () => {
  test('that could not be put in its place is put there later, and is not lost', () => {
    mkdirSync(join(root, 'out/in the way'), { recursive: true })
    store.replace('out', 'new')
    store.commit(at(1))
    expect(store.checkpoints()).toEqual(at(1))
    store.append('other', 'x')
    expect(() => store.commit(at(2))).toThrow(expect.objectContaining({ code: 'store.stalled' }))
    store.close()
    rmSync(join(root, 'out'), { recursive: true })
    store = openDiskFolderStore({ root, statePath })
    expect(read('out')).toBe('new')
    expect(readdirSync(root)).toEqual(['out'])
  })

  test('keeps its old content until the commit', ({ skip }) => {
    const disk = mountSmallDisk(256)
    if (disk === undefined) return skip('a tmpfs can only be mounted by root')
    const other = openDiskFolderStore({ root, statePath: join(disk.folder, 'state.sqlite') })
    try {
      other.replace('out', 'old')
      other.append('log', 'old')
      other.commit(at(1))
      disk.fill()
      other.replace('out', 'new')
      other.append('log', ' and new')
      for (let note = 0; note < 20; note++) other.note(`${note}`, 'x'.repeat(4000))
      expect(() => other.commit(at(2))).toThrow(expect.objectContaining({ code: 'store.stalled' }))
      expect(read('out')).toBe('old')
      other.rollback()
      disk.free()
      other.append('out', ' and more')
      other.append('log', ' and more')
      other.commit(at(2))
      expect([read('out'), read('log')]).toEqual(['old and more', 'old and more'])
    } finally {
      other.close()
      disk.unmount()
    }
  })
})

test('a full disk stalls the store, and the same commit works once there is room', ({ skip }) => {
  const disk = mountSmallDisk(1024)
  if (disk === undefined) return skip('a tmpfs can only be mounted by root')
  const small = openDiskFolderStore({ root: join(disk.folder, 'runs'), statePath })
  try {
    small.append('a', 'before')
    small.commit(at(1))
    disk.fill()
    small.append('a', 'x'.repeat(100_000))
    small.replace('b', 'y'.repeat(10_000))
    expect(() => small.commit(at(2))).toThrow(expect.objectContaining({ code: 'store.stalled' }))
    expect(small.checkpoints()).toEqual(at(1))
    disk.free()
    small.commit(at(2))
    expect(readFileSync(join(disk.folder, 'runs/a'), 'utf8')).toBe(`before${'x'.repeat(100_000)}`)
    expect(readFileSync(join(disk.folder, 'runs/b'), 'utf8')).toBe('y'.repeat(10_000))
  } finally {
    small.close()
    disk.unmount()
  }
})

test('killed at random moments and folded on, the files are byte for byte those of a fold in one go', async () => {
  store.close()
  for (let round = 0; round < 6; round++) {
    await runAndKill(import.meta.resolve('#test/crash/folder-writer.ts'), [root, statePath], randomMs(120))
  }
  store = openDiskFolderStore({ root, statePath })
  const end = nextOf(store) + 100
  foldEvents(store, end, () => 1 + randomMs(40))
  const otherRoot = join(folder, 'other')
  const other = openDiskFolderStore({ root: otherRoot, statePath: join(folder, 'other.sqlite') })
  foldEvents(other, end, () => 1000)
  expect(store.contentHash()).toBe(other.contentHash())
  expect([...store.files()]).toEqual([...other.files()])
  other.close()
  const everything = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  expect(everything).toHaveLength([...store.files()].length)
  for (const { path } of store.files()) {
    expect(readFileSync(join(root, path)).equals(readFileSync(join(otherRoot, path)))).toBe(true)
  }
})
