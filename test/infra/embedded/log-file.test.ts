/**
 * The file of the embedded log: only ours is opened, and what was fixed when it was made stays.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedEventLog, openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import { readAll, records } from '#test/contracts/records.ts'
import { stoppedWriter } from './open-embedded.ts'

let folder = ''
let file = ''
const logs: EmbeddedEventLog[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lattice-log-file-'))
  file = join(folder, 'log.sqlite')
})

afterEach(async () => {
  for (const log of logs.splice(0)) await log.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(partitions?: number): Promise<EmbeddedEventLog> {
  const log = await openEmbeddedEventLog({ path: folder, ...(partitions !== undefined && { partitions }) })
  logs.push(log)
  return log
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  return isFailure(error) ? error.code : String(error)
}

describe('a log file', () => {
  test('keeps the partitions it was made with', async () => {
    const log = await open(3)
    expect([log.partitions('runs.v1'), log.partitions('operations.v1')]).toEqual([3, 1])
    const again = await open(5)
    expect(again.partitions('runs.v1')).toBe(3)
  })

  test('of another program is log.damaged, and stays as it is', async () => {
    const database = new DatabaseSync(file)
    database.exec('CREATE TABLE theirs (a)')
    database.close()
    const before = readFileSync(file)
    expect(await codeOf(open())).toBe('log.damaged')
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test('that is no database is log.damaged, and stays as it is', async () => {
    writeFileSync(file, 'These are the notes of somebody who named a file log.sqlite. '.repeat(50))
    const before = readFileSync(file)
    expect(await codeOf(open())).toBe('log.damaged')
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test('of a newer format is log.newer', async () => {
    await (await open()).close()
    const database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(await codeOf(open())).toBe('log.newer')
  })

  test('that was cut off is log.damaged when what is missing is read', async () => {
    const log = await open()
    for (let i = 0; i < 20; i += 1) await log.append('runs.v1', records(100, 'a', 1000))
    await log.close()
    truncateSync(file, 800_000)
    const read = async (): Promise<unknown> => await readAll(await open(), 'runs.v1')
    expect(await codeOf(read())).toBe('log.damaged')
  })

  test('[log.ordered] whose bytes were changed is log.damaged or a gap where they are read, never silently other records', async () => {
    const log = await open()
    await log.append('runs.v1', records(100, 'a', 100))
    await log.close()
    const database = new DatabaseSync(file)
    database.exec('UPDATE "runs.v1/0" SET bytes = substr(bytes, 1, length(bytes) - 40)')
    database.close()
    const damaged = await open()
    expect(await codeOf(readAll(damaged, 'runs.v1'))).toBe('log.damaged')
  })

  test('[log.ordered] with a hole is log.gap', async () => {
    const log = await open()
    for (let i = 0; i < 3; i += 1) await log.append('runs.v1', records(2, 'a'))
    const database = new DatabaseSync(file)
    database.exec('DELETE FROM "runs.v1/0" WHERE base = 2')
    database.close()
    expect(await codeOf(readAll(log, 'runs.v1'))).toBe('log.gap')
  })

  test('[log.same] that was deleted or replaced while open takes no appends that would be lost', async () => {
    const log = await open()
    await log.append('runs.v1', records(1, 'a'))
    const following = codeOf(readAll(log, 'runs.v1', 0, 1, { follow: true }))
    renameSync(file, `${file}.away`)
    expect(await codeOf(log.append('runs.v1', records(1, 'a')))).toBe('log.diverged')
    expect(await following).toBe('log.diverged')
    renameSync(`${file}.away`, file)
    expect(await log.append('runs.v1', records(1, 'a'))).toEqual([{ topic: 'runs.v1', partition: 0, offset: 1 }])
  })

  test('opens and is read while a process is stopped in the middle of a transaction; appends wait until that one is gone', async () => {
    const before = await open()
    await before.append('runs.v1', records(3, 'a'))
    const stopped = await stoppedWriter(file)
    try {
      const log = await openEmbeddedEventLog({ path: folder, busyPatienceMs: 100 })
      logs.push(log)
      expect(await readAll(log, 'runs.v1')).toHaveLength(3)
      expect(await codeOf(log.append('runs.v1', records(1, 'b')))).toBe('log.unavailable')
      const waiting = before.append('runs.v1', records(1, 'c'))
      await stopped.kill()
      expect(await waiting).toEqual([{ topic: 'runs.v1', partition: 0, offset: 3 }])
    } finally {
      await stopped.kill()
    }
  })

  test('in a folder that cannot be made is log.unavailable, by its path', async () => {
    writeFileSync(file, '')
    const wrong = openEmbeddedEventLog({ path: join(file, 'below') })
    expect(await codeOf(wrong)).toBe('log.unavailable')
    await expect(wrong).rejects.toThrow(file)
  })
})
