/**
 * Appends under way together: one transaction, patience with other writers, and nothing written when the disk is full.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedEventLog, openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { readAll, records } from '#test/contracts/records.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'

let folder = ''
const logs: EmbeddedEventLog[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-append-'))
})

afterEach(async () => {
  for (const log of logs.splice(0)) await log.close()
  rmSync(folder, { recursive: true })
})

async function open(path: string, busyPatienceMs = 30_000): Promise<EmbeddedEventLog> {
  const log = await openEmbeddedEventLog({ path, busyPatienceMs })
  logs.push(log)
  return log
}

function frames(): number {
  const database = new DatabaseSync(join(folder, 'log.sqlite'), { readOnly: true })
  const row = database.prepare('SELECT count(*) AS frames FROM "runs.v1/0"').get()
  database.close()
  return Number(row?.['frames'])
}

/** What another process does while it writes. */
function writeLock(): { release(): void } {
  const database = new DatabaseSync(join(folder, 'log.sqlite'))
  database.exec('BEGIN IMMEDIATE')
  return { release: () => database.close() }
}

describe('appends under way together', () => {
  test('share one transaction and one frame', async () => {
    const log = await open(folder)
    await Promise.all(Array.from({ length: 64 }, (_, i) => log.append('runs.v1', records(1, `key-${i}`))))
    expect(frames()).toBe(1)
    expect((await readAll(log, 'runs.v1')).length).toBe(64)
  })

  test('wait while another process writes, without holding up the thread, and are then written in order', async () => {
    const log = await open(folder)
    const lock = writeLock()
    let settled = 0
    const appends = Array.from({ length: 5 }, (_, i) =>
      log.append('runs.v1', records(1, `key-${i}`)).then(([at]) => {
        settled += 1
        return at?.offset
      }),
    )
    const until = performance.now() + 60
    let turns = 0
    while (performance.now() < until) {
      await turn()
      turns += 1
    }
    expect(turns).toBeGreaterThan(20)
    expect(settled).toBe(0)
    lock.release()
    expect(await Promise.all(appends)).toEqual([0, 1, 2, 3, 4])
  })

  test('are log.unavailable when another process writes longer than they wait, and nothing of them is written', async () => {
    const log = await open(folder, 50)
    const lock = writeLock()
    await expect(log.append('runs.v1', records(1, 'a'))).rejects.toThrow(
      expect.objectContaining({ code: 'log.unavailable' }),
    )
    lock.release()
    expect(await log.append('runs.v1', records(1, 'b'))).toEqual([{ topic: 'runs.v1', partition: 0, offset: 0 }])
    expect((await readAll(log, 'runs.v1')).map(({ key }) => key)).toEqual(['b'])
  })

  test('on a full disk are log.full, nothing of them is written, and later ones are when there is room', async ({
    skip,
  }) => {
    const disk = mountSmallDisk(4096)
    if (disk === undefined) return skip('a tmpfs can only be mounted by root')
    try {
      const log = await open(disk.folder)
      await log.append('runs.v1', records(10, 'before', 1000))
      disk.fill()
      const large = Array.from({ length: 4 }, () => log.append('runs.v1', records(100, 'large', 5000)))
      for (const result of await Promise.allSettled(large)) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'log.full' } })
      }
      expect(await log.bounds('runs.v1')).toEqual([{ partition: 0, first: 0, next: 10 }])
      expect((await readAll(log, 'runs.v1')).length).toBe(10)
      const opened = await open(disk.folder)
      expect((await readAll(opened, 'runs.v1')).length).toBe(10)
      disk.free()
      const [first] = await log.append('runs.v1', records(100, 'after', 5000))
      expect(first?.offset).toBe(10)
      expect((await readAll(opened, 'runs.v1')).map(({ offset }) => offset)).toEqual(
        Array.from({ length: 110 }, (_, i) => i),
      )
      for (const one of logs.splice(0)) await one.close()
    } finally {
      disk.unmount()
    }
  })
})
