/**
 * Records for the suites: numbered, with an id of their own, and of any size.
 */
import { randomUUID } from 'node:crypto'
import type { EventLog, NewRecord, ReadOptions, StoredRecord } from '#processors/ports/event-log.ts'
import type { Topic } from '#schemas/topics.ts'

export function record(
  key: string,
  value: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): NewRecord {
  return {
    key,
    headers: { ce_id: randomUUID(), ce_type: 'test.happened', ...headers },
    value: typeof value === 'string' ? Buffer.from(value) : value,
  }
}

export function records(count: number, key: string, sizeBytes = 16): NewRecord[] {
  return Array.from({ length: count }, (_, i) => record(key, `${i}`.padEnd(sizeBytes, '.')))
}

/** One partition from an offset to its end, as plain values. */
export async function readAll(
  log: EventLog,
  topic: Topic,
  partition = 0,
  from = 0,
  options: ReadOptions = {},
): Promise<StoredRecord[]> {
  const all: StoredRecord[] = []
  for await (const batch of log.read({ topic, partition, offset: from }, options)) all.push(...batch)
  return all
}

/** Every record of a topic, partition by partition. */
export async function readTopic(log: EventLog, topic: Topic): Promise<StoredRecord[]> {
  const all: StoredRecord[] = []
  for (const { partition, first } of await log.bounds(topic)) {
    for (const stored of await readAll(log, topic, partition, first)) all.push(stored)
  }
  return all
}

export function idOf(stored: { readonly headers: Readonly<Record<string, string>> }): string {
  return stored.headers['ce_id'] ?? ''
}

/** A record's content for comparing: what was appended must be what is read. */
export function content(stored: Pick<NewRecord, 'key' | 'headers' | 'value'>): {
  key: string
  headers: object
  value: string
} {
  return { key: stored.key, headers: { ...stored.headers }, value: Buffer.from(stored.value).toString('base64') }
}
