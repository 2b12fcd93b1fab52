/** A copy of the embedded log: of one moment, whole, and refused where the log is damaged. */
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { copyEmbeddedLog } from '#infra/embedded/copy-embedded-log.ts'
import { eventually } from '#test/contracts/eventually.ts'
import type { LogLine } from '#test/contracts/log-child.ts'
import { startChild } from '#test/contracts/opener.ts'
import { content, readTopic, records } from '#test/contracts/records.ts'
import { openFrom } from './open-embedded.ts'

let path: string
let to: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'lattice-log-'))
  to = mkdtempSync(join(tmpdir(), 'lattice-copy-'))
})

const given = { partitions: 3, syncMode: 'off' } as const

describe('a copy of an embedded log', () => {
  it('opens as the same log with the same records, and is one file', async () => {
    const log = await openFrom({ path, ...given })
    await log.append('runs.v1', records(500, 'a'))
    await copyEmbeddedLog(path, join(to, 'log.sqlite'))
    expect(readdirSync(to)).toEqual(['log.sqlite'])
    const copy = await openFrom({ path: to, partitions: 1, syncMode: 'off' })
    expect(copy.id).toBe(log.id)
    expect(copy.partitions('runs.v1')).toBe(3)
    expect((await readTopic(copy, 'runs.v1')).map(content)).toEqual((await readTopic(log, 'runs.v1')).map(content))
    await Promise.all([log.close(), copy.close()])
  })

  it('is of one moment while another process appends without pause, and the thread stays free', async () => {
    const log = await openFrom({ path, ...given })
    for (let lap = 0; lap < 40; lap += 1) await log.append('runs.v1', records(1000, `before-${lap}`, 1000))
    const opener = { module: new URL('./open-embedded.ts', import.meta.url).href, given: { path, ...given } }
    const task = { do: 'append', topic: 'operations.v1', writer: 'w', calls: 1_000_000, batch: 5, inFlight: 8, opener }
    const writer = startChild<LogLine>('log-child.ts', task)
    try {
      await eventually('it appends', () => writer.lines.length > 20)
      let turns = 0
      const timer = setInterval(() => (turns += 1), 1)
      const before = writer.lines.length
      await copyEmbeddedLog(path, join(to, 'log.sqlite'))
      clearInterval(timer)
      expect(turns).toBeGreaterThan(2)
      await eventually('it still appends', () => writer.lines.length > before)
    } finally {
      writer.kill('SIGKILL')
      await writer.ended
    }
    const copy = await openFrom({ path: to, ...given })
    const [operations] = await copy.bounds('operations.v1')
    expect(operations?.next).toBeGreaterThan(0)
    expect((operations?.next ?? 1) % 5).toBe(0)
    expect((await readTopic(copy, 'runs.v1')).length).toBe(40_000)
    expect((await readTopic(copy, 'operations.v1')).map(({ offset }) => offset)).toEqual(
      Array.from({ length: operations?.next ?? 0 }, (_, n) => n),
    )
    await Promise.all([log.close(), copy.close()])
  })

  it('is refused where there is no log, and where it is damaged', async () => {
    const file = join(to, 'log.sqlite')
    await expect(copyEmbeddedLog(path, file)).rejects.toThrow(expect.objectContaining({ code: 'log.unavailable' }))
    expect(readdirSync(path)).toEqual([])
    const log = await openFrom({ path, ...given })
    for (let lap = 0; lap < 20; lap += 1) await log.append('runs.v1', records(100, 'a', 1000))
    await log.close()
    const bytes = readFileSync(join(path, 'log.sqlite'))
    // An interior page of a tree, not its contents, which only the reader of a record could judge.
    for (let page = 1; page * 8192 < bytes.length; page += 1) bytes.fill(0xff, page * 8192, page * 8192 + 8)
    writeFileSync(join(path, 'log.sqlite'), bytes)
    await expect(copyEmbeddedLog(path, file)).rejects.toThrow(expect.objectContaining({ code: 'log.damaged' }))
  })
})
