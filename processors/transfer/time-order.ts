/**
 * The partitions of a topic as one sequence, by the time their writers stamped, as far as each partition's own order
 * allows.
 *
 * Promise: the order within a partition is kept whatever the stamps say (R16: time is never order). That the whole is
 * about as it happened makes a log with fewer partitions pleasant to read.
 */
import type { StoredRecord } from '#processors/ports/event-log.ts'

export interface PartitionRecord {
  readonly partition: number
  readonly record: StoredRecord
}

const batchSize = 1000

export async function* inTimeOrder(
  partitions: readonly { readonly partition: number; readonly records: AsyncIterable<readonly StoredRecord[]> }[],
): AsyncGenerator<readonly PartitionRecord[]> {
  const heads: Head[] = []
  try {
    for (const { partition, records } of partitions) {
      const head: Head = { partition, batches: records[Symbol.asyncIterator](), batch: [], at: 0 }
      heads.push(head)
      await fill(head)
    }
    let batch: PartitionRecord[] = []
    for (;;) {
      const earliest = earliestOf(heads)
      if (earliest === undefined) break
      batch.push({ partition: earliest.partition, record: earliest.batch[earliest.at] as StoredRecord })
      earliest.at += 1
      if (earliest.at === earliest.batch.length) await fill(earliest)
      if (batch.length < batchSize) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  } finally {
    for (const { batches } of heads) await batches.return?.()
  }
}

interface Head {
  readonly partition: number
  readonly batches: AsyncIterator<readonly StoredRecord[]>
  batch: readonly StoredRecord[]
  at: number
}

/** The next batch that holds anything; an empty one at the end. */
async function fill(head: Head): Promise<void> {
  head.at = 0
  do {
    const next = await head.batches.next()
    head.batch = next.done === true ? [] : next.value
    if (next.done === true) return
  } while (head.batch.length === 0)
}

function earliestOf(heads: readonly Head[]): Head | undefined {
  let earliest: Head | undefined
  let earliestTime = ''
  for (const head of heads) {
    const record = head.batch[head.at]
    if (record === undefined) continue
    const time = heads.length === 1 ? '' : (record.headers['ce_time'] ?? '')
    if (earliest !== undefined && time >= earliestTime) continue
    earliest = head
    earliestTime = time
  }
  return earliest
}
