/**
 * A process that uses a log on its own: appends without end or follows, and says so a JSON line at a time.
 *
 * Promise: a line about an append is printed after its acknowledgement, so what a killed child printed must be in the log.
 */
import { writeSync } from 'node:fs'
import type { Topic } from '#schemas/topics.ts'
import { type Opener, openedBy } from './opener.ts'
import { idOf, record } from './records.ts'

export type LogTask = { readonly opener: Opener; readonly topic: Topic } & (
  | {
      readonly do: 'append'
      readonly writer: string
      readonly calls: number
      readonly batch: number
      readonly inFlight: number
    }
  | { readonly do: 'follow'; readonly partition: number }
)

export type LogLine =
  | { readonly ready: true }
  | { readonly acked: readonly string[]; readonly at: readonly (readonly [partition: number, offset: number])[] }
  | { readonly failed: string }
  | { readonly seen: string; readonly offset: number; readonly atMs: number }

function say(line: LogLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

const task = JSON.parse(process.argv[2] ?? '') as LogTask
process.stdin.on('end', () => process.exit(1)).resume() // the parent is gone
const log = await (await openedBy(task.opener)).openEventLog(task.opener.given)
say({ ready: true })

if (task.do === 'append') {
  let call = 0
  const one = async (lane: number): Promise<void> => {
    while (call < task.calls) {
      const n = call++
      const key = `${task.writer}-${lane}`
      const batch = Array.from({ length: task.batch }, (_, i) => record(key, `${task.writer} ${n} ${i}`))
      try {
        const positions = await log.append(task.topic, batch)
        say({ acked: batch.map(idOf), at: positions.map((p) => [p.partition, p.offset] as const) })
      } catch (error) {
        say({
          failed:
            error instanceof Error
              ? `${(error as { code?: string }).code ?? error.name}: ${error.message}`
              : String(error),
        })
      }
    }
  }
  await Promise.all(Array.from({ length: task.inFlight }, (_, lane) => one(lane)))
  await log.close()
  process.exit(0)
} else {
  for await (const batch of log.read({ topic: task.topic, partition: task.partition, offset: 0 }, { follow: true })) {
    for (const stored of batch) say({ seen: idOf(stored), offset: stored.offset, atMs: Date.now() })
  }
}
