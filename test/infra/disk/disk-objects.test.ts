/** Objects on a real disk: the contract, damage, kills and full disks. */
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDiskObjects } from '#infra/disk/disk-objects.ts'
import { everything, objectsContract } from '#test/contracts/objects.ts'
import { randomMs, runAndKill } from '#test/crash/kill-child.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-objects-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
const yesterday = new Date(Date.now() - 24 * 60 * 60 * 1000)

describe('objects on disk', () => {
  objectsContract(() => openDiskObjects(folder))

  test('put again look new', async () => {
    const objects = openDiskObjects(folder)
    const sha256 = await objects.put(Buffer.from('again'))
    utimesSync(pathOf(sha256), yesterday, yesterday)
    await objects.put(Buffer.from('again'))
    expect(Date.now() - statSync(pathOf(sha256)).mtimeMs).toBeLessThan(60_000)
  })

  test('that are damaged are missing, until the same bytes are put again', async () => {
    const objects = openDiskObjects(folder)
    const bytes = Buffer.from('precious')
    const sha256 = await objects.put(bytes)
    const missing = expect.objectContaining({ code: 'object.missing' })
    const damage = [
      () => truncateSync(pathOf(sha256), 3),
      () => writeFileSync(pathOf(sha256), 'Precious'),
      () => writeFileSync(pathOf(sha256), ''),
    ]
    for (const harm of damage) {
      harm()
      await expect(objects.get(sha256)).rejects.toThrow(missing)
      await objects.put(bytes)
      expect(await objects.get(sha256)).toEqual(bytes)
    }
  })

  test('half written by a killed process are swept away when they are old, and never listed', async () => {
    const unfinished = join(folder, 'unfinished')
    await openDiskObjects(folder).put(Buffer.from('x'))
    writeFileSync(join(unfinished, 'old'), 'x')
    writeFileSync(join(unfinished, 'young'), 'x')
    utimesSync(join(unfinished, 'old'), yesterday, yesterday)
    const objects = openDiskObjects(folder)
    await objects.put(Buffer.from('y'))
    expect(readdirSync(unfinished)).toEqual(['young'])
    expect(await everything(objects)).toHaveLength(2)
  })

  test('on a full disk are refused by name, and leave nothing behind', async ({ skip }) => {
    const disk = mountSmallDisk(1024)
    if (disk === undefined) return skip('a tmpfs can only be mounted by root')
    try {
      const objects = openDiskObjects(disk.folder)
      await objects.put(Buffer.from('first'))
      disk.fill()
      const large = Buffer.alloc(200_000)
      await expect(objects.put(large)).rejects.toThrow(expect.objectContaining({ code: 'log.full' }))
      expect(readdirSync(join(disk.folder, 'unfinished'))).toEqual([])
      disk.free()
      expect(await objects.get(await objects.put(large))).toEqual(large)
    } finally {
      disk.unmount()
    }
  })

  test('of a process killed while putting are whole or not there', async () => {
    for (let round = 0; round < 3; round++) {
      await runAndKill(import.meta.resolve('#test/crash/objects-writer.ts'), [folder], randomMs(80))
    }
    const objects = openDiskObjects(folder)
    const listed = await everything(objects)
    expect(listed.length).toBeGreaterThan(0)
    for (const { sha256, sizeBytes } of listed) expect(await objects.get(sha256)).toHaveLength(sizeBytes)
  })
})
