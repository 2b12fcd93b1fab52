/** The records that the measures of a log append, and reading all of them again. */
import { randomUUID } from 'node:crypto'
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import type { Delivery, WorkShare } from '#processors/ports/work-share.ts'

export const topic = 'runs.v1'
export const valueBytes = 400

/** Headers as the journal writes them; events of `runs` runs in turn. */
export function someRecords(count: number, runs = 1): NewRecord[] {
  const ids = Array.from({ length: runs }, () => randomUUID())
  return Array.from({ length: count }, (_, seq) => {
    const run = ids[seq % runs] as string
    return {
      key: run,
      headers: {
        ce_specversion: '1.0',
        ce_id: randomUUID(),
        ce_type: 'attempt.completed',
        ce_source: '/lattice/worker/bench',
        ce_subject: run,
        ce_time: '2026-01-01T00:00:00.000Z',
        'content-type': 'application/avro',
        ce_run: run,
        ce_seq: String(seq),
        ce_prev: randomUUID(),
      },
      value: Buffer.alloc(valueBytes, run),
    }
  })
}

/** Records a second, over every partition; `look` reads a header of each. */
export async function scanRate(log: EventLog, { count, look }: { count: number; look: boolean }): Promise<number> {
  const begun = performance.now()
  let seen = 0
  for (const { partition } of await log.bounds(topic)) {
    for await (const batch of log.read({ topic, partition, offset: 0 })) {
      for (const record of batch) seen += look && record.headers['ce_id'] === '' ? 0 : 1
    }
  }
  if (seen !== count) throw new Error(`${seen} of ${count} records`)
  return (count / (performance.now() - begun)) * 1000
}

/** How long the first `count` deliveries take, each finished a turn after it came; joining the group does not count. */
export async function deliverMs(share: WorkShare, { count, group }: { count: number; group: string }): Promise<number> {
  const stop = new AbortController()
  let begun: number | undefined
  let finished = 0
  const finish = (delivery: Delivery): void => {
    void delivery.done()
    finished += 1
    if (finished === count) stop.abort()
  }
  for await (const delivery of share.take(topic, group, { window: 64, signal: stop.signal })) {
    begun ??= performance.now()
    setImmediate(finish, delivery)
  }
  return performance.now() - (begun ?? 0)
}
