/**
 * A fresh space for each test, and everything opened in it closed and ended afterwards.
 */
import { afterEach, beforeEach } from 'vitest'
import type { CuttingProxy } from '#test/contracts/cutting-proxy.ts'
import type { LogLine, LogTask } from '#test/contracts/log-child.ts'
import { type Child, startChild } from '#test/contracts/opener.ts'
import type { EventLog, StoredRecord } from '#processors/ports/event-log.ts'
import { isFailure } from '#processors/ports/failure.ts'
import type { Topic } from '#schemas/topics.ts'
import type { EventLogHarness } from './harness.ts'

/** A topic with one partition on every log, and one that may have several. */
export const ONE = 'operations.v1'
export const MANY = 'runs.v1'

export interface PreparedLogs {
  readonly slowness: number
  /** Which optional parts this backend has. */
  readonly can: Readonly<Record<'trim' | 'recreate' | 'restart' | 'cut', boolean>>
  open(): Promise<EventLog>
  openThroughProxy(): Promise<{ log: EventLog; proxy: CuttingProxy }>
  child(task: WithoutOpener<LogTask>): Child<LogLine>
  trim(topic: Topic, partition: number, before: number): Promise<void>
  recreate(): Promise<void>
  killServer(): Promise<void>
  startServer(): Promise<void>
}

type WithoutOpener<Task> = Task extends unknown ? Omit<Task, 'opener'> : never

export function preparedLogs<Space>(harness: EventLogHarness<Space>): PreparedLogs {
  const slowness = harness.slowness ?? 1
  let space: Space
  const opened: EventLog[] = []
  const proxies: CuttingProxy[] = []
  const children: Child<LogLine>[] = []

  beforeEach(async () => {
    space = await harness.prepare()
  }, 60_000 * slowness)

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.splice(0).map((child) => child.ended))
    await Promise.all(opened.splice(0).map((log) => log.close()))
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
    await harness.clear(space)
  }, 60_000 * slowness)

  const { trim, recreate, server, openThroughProxy } = harness
  return {
    slowness,
    can: {
      trim: trim !== undefined,
      recreate: recreate !== undefined,
      restart: server !== undefined,
      cut: openThroughProxy !== undefined,
    },
    async open() {
      const log = await harness.open(space)
      opened.push(log)
      return log
    },
    async openThroughProxy() {
      const { log, proxy } = await given(harness.openThroughProxy?.(space))
      opened.push(log)
      proxies.push(proxy)
      return { log, proxy }
    },
    child(task) {
      const child = startChild<LogLine>('log-child.ts', { ...task, opener: harness.opener(space) })
      children.push(child)
      return child
    },
    trim: (topic, partition, before) => given(harness.trim?.(space, topic, partition, before)),
    recreate: () => given(harness.recreate?.(space)),
    killServer: () => given(server?.kill(space)),
    startServer: () => given(server?.start(space)),
  }
}

function given<T>(part: Promise<T> | undefined): Promise<T> {
  if (part === undefined) throw new Error('this backend cannot do that; the test should have been skipped')
  return part
}

/** The code a promise fails with; '' when it does not, so that a test of a failure can fail. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return ''
  } catch (error) {
    if (isFailure(error)) return error.code
    throw error
  }
}

/** Follows `ONE` until the signal aborts or the log is closed. */
export async function collect(
  log: EventLog,
  take: (stored: StoredRecord) => void,
  options: { readonly from?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { from: offset = 0, signal } = options
  const following = signal === undefined ? { follow: true } : { follow: true, signal }
  for await (const batch of log.read({ topic: ONE, partition: 0, offset }, following)) batch.forEach(take)
}

/** What a child appended and saw acknowledged. Throws when an append of its failed. */
export function ackedBy(writer: Child<LogLine>): { id: string; offset: number }[] {
  return writer.lines.flatMap((line) => {
    if ('failed' in line) throw new Error(line.failed)
    return 'acked' in line ? line.acked.map((id, i) => ({ id, offset: line.at[i]?.[1] ?? -1 })) : []
  })
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
