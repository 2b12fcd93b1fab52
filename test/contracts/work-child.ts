/**
 * A worker in a process of its own: takes deliveries, holds each for a while, finishes it, and says so a line at a time.
 *
 * Told to `stop`, it stops itself (SIGSTOP) as soon as it holds something. It does so between two turns of its event
 * loop, and no backend has a transaction open then: what is held up is its work, and nobody else's.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Topic } from '#schemas/topics.ts'
import { type Opener, openedBy } from './opener.ts'
import { idOf } from './records.ts'

export interface WorkTask {
  readonly opener: Opener
  readonly topic: Topic
  readonly group: string
  readonly window: number
  readonly leaseMs: number
  /** How long each delivery is held before it is finished; Infinity (null in JSON) for never. */
  readonly holdMs: number | null
}

export type WorkLine =
  | { readonly ready: true }
  | { readonly took: string; readonly offset: number; readonly redelivered: boolean; readonly open: number }
  | { readonly done: string }
  /** What it holds, taken and not finished, when it stops itself. */
  | { readonly stopping: readonly string[] }

function say(line: WorkLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

const task = JSON.parse(process.argv[2] ?? '') as WorkTask
const stop = new AbortController()
const held = new Set<string>()
let toStop = false
createInterface({ input: process.stdin })
  .on('line', stopHolding)
  .on('close', () => process.exit(1)) // the parent is gone
process.on('SIGTERM', () => stop.abort())
const share = await (await openedBy(task.opener)).openWorkShare(task.opener.given)
say({ ready: true })

let open = 0
const underWay = new Set<Promise<void>>()
const { window, leaseMs } = task
for await (const delivery of share.take(task.topic, task.group, { window, leaseMs, signal: stop.signal })) {
  open += 1
  const id = idOf(delivery.record)
  held.add(id)
  say({ took: id, offset: delivery.position.offset, redelivered: delivery.redelivered, open })
  if (toStop) stopHolding()
  const work = (async () => {
    if (task.holdMs === null) return
    await sleep(task.holdMs)
    open -= 1
    held.delete(id)
    await delivery.done()
    say({ done: id })
  })()
  underWay.add(work)
  void work.finally(() => underWay.delete(work))
}
await Promise.all(underWay)
await share.close()
process.exit(0)

function stopHolding(): void {
  toStop = held.size === 0
  if (toStop) return
  say({ stopping: [...held] })
  process.kill(process.pid, 'SIGSTOP')
}
