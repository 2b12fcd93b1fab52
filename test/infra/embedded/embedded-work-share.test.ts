/**
 * The embedded work share keeps the contract of a work share, over one partition and over several.
 */
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import type { Delivery, WorkShare } from '#processors/ports/work-share.ts'
import { eventually } from '#test/contracts/eventually.ts'
import { type Child, type Opener, startChild } from '#test/contracts/opener.ts'
import { records } from '#test/contracts/records.ts'
import type { WorkLine } from '#test/contracts/work-child.ts'
import { type WorkShareHarness, describeWorkShare } from '#test/contracts/work-share.ts'
import { mountSmallDisk } from '#test/crash/small-disk.ts'
import { type EmbeddedGiven, openFrom, openShareOver, stoppedWriter } from './open-embedded.ts'

function harness(partitions: number): WorkShareHarness<EmbeddedGiven> {
  return {
    prepare: async () => ({ path: await mkdtemp(join(tmpdir(), 'lattice-work-')), partitions, syncMode: 'off' }),
    openLog: openFrom,
    openShare: openShareOver,
    opener,
    clear: ({ path }) => rm(path, { recursive: true }),
    leaseMs: 400,
  }
}

function opener(given: EmbeddedGiven): Opener {
  return { module: new URL('./open-embedded.ts', import.meta.url).href, given }
}

describeWorkShare('embedded', harness(1))
describeWorkShare('embedded, three partitions', harness(3))

describe('beyond the contract, the embedded work share', () => {
  let given: EmbeddedGiven
  const opened: { close(): Promise<void> }[] = []
  const workers: Child<WorkLine>[] = []
  const task = { topic: 'runs.v1', group: 'workers', window: 5, leaseMs: 60_000, holdMs: null } as const

  beforeEach(async () => {
    given = { path: await mkdtemp(join(tmpdir(), 'lattice-work-')), partitions: 1, syncMode: 'off' }
  })

  afterEach(async () => {
    for (const worker of workers) worker.kill('SIGKILL')
    await Promise.all(workers.splice(0).map((worker) => worker.ended))
    for (const one of opened.splice(0).toReversed()) await one.close()
    await rm(given.path, { recursive: true })
  })

  async function open(): Promise<{ log: EmbeddedEventLog; share: WorkShare }> {
    const log = await openFrom(given)
    const share = await openShareOver(given, log)
    opened.push(log, share)
    return { log, share }
  }

  async function take(share: WorkShare, count: number): Promise<Delivery[]> {
    const stop = new AbortController()
    const got: Delivery[] = []
    for await (const delivery of share.take('runs.v1', 'workers', { window: 1000, signal: stop.signal })) {
      got.push(delivery)
      await delivery.done()
      if (got.length === count) stop.abort()
    }
    return got
  }

  test('gives the records of a killed worker to another long before its lease ends', async () => {
    const { log, share } = await open()
    await log.append('runs.v1', records(5, 'a'))
    const worker = startChild<WorkLine>('work-child.ts', { ...task, opener: opener(given) })
    workers.push(worker)
    await eventually('all are taken', () => worker.lines.filter((line) => 'took' in line).length === 5)
    worker.kill('SIGKILL')
    await worker.ended
    const begun = performance.now()
    const again = await take(share, 5)
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect(again.every(({ redelivered }) => redelivered)).toBe(true)
  })

  test('keeps what a living worker has taken, however many others look', async () => {
    const { log, share } = await open()
    await log.append('runs.v1', records(5, 'a'))
    const worker = startChild<WorkLine>('work-child.ts', { ...task, opener: opener(given) })
    workers.push(worker)
    await eventually('all are taken', () => worker.lines.filter((line) => 'took' in line).length === 5)
    await log.append('runs.v1', records(3, 'b'))
    expect((await take(share, 3)).map(({ record }) => record.key)).toEqual(['b', 'b', 'b'])
    expect(await share.backlog('runs.v1', 'workers')).toEqual({ waiting: 0, taken: 5 })
  })

  test('gives back what it claimed and never handed out as soon as an iteration ends', async () => {
    const { log, share } = await open()
    const other = await open()
    await log.append('runs.v1', records(5, 'a'))
    const signal = new AbortController().signal
    for await (const delivery of share.take('runs.v1', 'workers', { window: 5, signal })) {
      expect(delivery.position.offset).toBe(0)
      break
    }
    const begun = performance.now()
    expect((await take(other.share, 4)).map(({ position }) => position.offset)).toEqual([1, 2, 3, 4])
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect(await share.backlog('runs.v1', 'workers')).toEqual({ waiting: 0, taken: 1 })
  })

  test('gives what it has not finished to others when it closes, long before its lease ends', async () => {
    const { log, share } = await open()
    const other = await open()
    await log.append('runs.v1', records(1, 'a'))
    const signal = new AbortController().signal
    for await (const _ of share.take('runs.v1', 'workers', { window: 1, signal })) break
    await share.close()
    const begun = performance.now()
    expect((await take(other.share, 1)).map(({ redelivered }) => redelivered)).toEqual([true])
    expect(performance.now() - begun).toBeLessThan(10_000)
  })

  test('opens while a process is stopped in the middle of a transaction, and delivers once that one is gone', async () => {
    const first = await open()
    await first.log.append('runs.v1', records(2, 'a'))
    await take(first.share, 1)
    await first.share.close()
    const stopped = await stoppedWriter(join(given.path, 'work.sqlite'))
    try {
      const { share } = await open()
      await stopped.kill()
      expect((await take(share, 1)).map(({ position }) => position.offset)).toEqual([1])
    } finally {
      await stopped.kill()
    }
  })

  test('delivers all of a log that is another one than before', async () => {
    const first = await open()
    await first.log.append('runs.v1', records(5, 'a'))
    await take(first.share, 5)
    for (const one of opened.splice(0).toReversed()) await one.close()
    for (const name of ['log.sqlite', 'log.sqlite-wal', 'log.sqlite-shm'])
      await rm(join(given.path, name), { force: true })
    const { log, share } = await open()
    await log.append('runs.v1', records(8, 'b'))
    expect((await take(share, 8)).map(({ position }) => position.offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('misses nothing of a log that was restored from an older copy', async () => {
    const first = await open()
    await first.log.append('runs.v1', records(3, 'a'))
    await first.log.close()
    await cp(join(given.path, 'log.sqlite'), join(given.path, 'copy'))
    const second = await open()
    await second.log.append('runs.v1', records(5, 'b'))
    await take(second.share, 8)
    for (const one of opened.splice(0).toReversed()) await one.close()
    await rename(join(given.path, 'copy'), join(given.path, 'log.sqlite'))
    const { log, share } = await open()
    expect((await log.bounds('runs.v1'))[0]?.next).toBe(3)
    expect((await take(share, 3)).length).toBe(3)
    await log.append('runs.v1', records(1, 'c'))
    expect((await take(share, 1)).map(({ record }) => record.key)).toEqual(['c'])
  })

  test('goes on after records nobody took were trimmed away', async () => {
    const { log, share } = await open()
    await take(share, await log.append('runs.v1', records(2, 'a')).then(({ length }) => length))
    await log.append('runs.v1', records(4, 'b'))
    await log.append('runs.v1', records(2, 'c'))
    await log.trim('runs.v1', 0, 6)
    expect((await take(share, 2)).map(({ position }) => position.offset)).toEqual([6, 7])
  })

  test('keeps in mind what is finished while the disk is full', async ({ skip }) => {
    const disk = mountSmallDisk(4096)
    if (disk === undefined) return skip('a tmpfs can only be mounted by root')
    try {
      const { log } = await open()
      const share = await openShareOver({ ...given, path: disk.folder }, log)
      await log.append('runs.v1', records(50, 'a'))
      const stop = new AbortController()
      const got: Delivery[] = []
      const ended = (async () => {
        for await (const delivery of share.take('runs.v1', 'workers', { window: 50, signal: stop.signal }))
          got.push(delivery)
      })()
      await eventually('all are taken', () => got.length === 50)
      disk.fill()
      await Promise.all(got.map((delivery) => delivery.done()))
      disk.free()
      await eventually('nothing is left', async () => (await share.backlog('runs.v1', 'workers')).taken === 0)
      stop.abort()
      await ended
      await share.close()
    } finally {
      disk.unmount()
    }
  })

  test('refuses to finish what it can no longer write down', async () => {
    const { log, share } = await open()
    await log.append('runs.v1', records(1, 'a'))
    const stop = new AbortController()
    for await (const delivery of share.take('runs.v1', 'workers', { window: 1, signal: stop.signal })) {
      await share.close()
      await expect(delivery.done()).rejects.toThrow(expect.objectContaining({ code: 'log.closed' }))
      stop.abort()
    }
    await share.close()
  })
})
