/**
 * A worker in a process of its own: takes deliveries, holds each for a while, finishes it, and says so a line at a time.
 */
import { writeSync } from 'node:fs'
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

function say(line: WorkLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

const task = JSON.parse(process.argv[2] ?? '') as WorkTask
const stop = new AbortController()
process.stdin.on('end', () => process.exit(1)).resume() // the parent is gone
process.on('SIGTERM', () => stop.abort())
const share = await (await openedBy(task.opener)).openWorkShare(task.opener.given)
say({ ready: true })

let open = 0
const underWay = new Set<Promise<void>>()
const { window, leaseMs } = task
for await (const delivery of share.take(task.topic, task.group, { window, leaseMs, signal: stop.signal })) {
  open += 1
  say({ took: idOf(delivery.record), offset: delivery.position.offset, redelivered: delivery.redelivered, open })
  const work = (async () => {
    if (task.holdMs === null) return
    await sleep(task.holdMs)
    open -= 1
    await delivery.done()
    say({ done: idOf(delivery.record) })
  })()
  underWay.add(work)
  void work.finally(() => underWay.delete(work))
}
await Promise.all(underWay)
await share.close()
process.exit(0)
