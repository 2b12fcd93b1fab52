/**
 * A log with some of everything an export has to carry: runs on several keys, an object behind a claim check, schemas, a
 * record that is no event, a foreign key, a dead letter and what became of it.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDiskObjects } from '#infra/disk/disk-objects.ts'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { letterId } from '#processors/journal/park.ts'
import type { Clock } from '#processors/ports/clock.ts'
import type { EventLog, NewRecord, StoredRecord } from '#processors/ports/event-log.ts'
import type { Objects } from '#processors/ports/objects.ts'
import type { Signal } from '#processors/ports/report.ts'
import { catalog, type EventType } from '#schemas/catalog.ts'
import type { EventData } from '#schemas/event.ts'
import type { Position } from '#schemas/position.ts'
import { type Topic, topicNames } from '#schemas/topics.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec, type Codec } from '#schemas/wire/codec.ts'
import { toHeaders } from '#schemas/wire/headers.ts'
import type { SchemaIds } from '#schemas/wire/schema-ids.ts'
import { sampleAnswer } from '#test/schemas/sample-data.ts'

export interface Side {
  readonly log: EventLog
  readonly schemaIds: SchemaIds
  readonly codec: Codec
  readonly objects: Objects
  readonly clock: Clock
  readonly report: (signal: Signal) => void
  readonly signals: Signal[]
}

export async function sideOn(log: EventLog, schemaIds: SchemaIds = catalogSchemaIds()): Promise<Side> {
  const signals: Signal[] = []
  return {
    log,
    schemaIds,
    codec: await openCodec(schemaIds),
    objects: openDiskObjects(mkdtempSync(join(tmpdir(), 'lattice-objects-'))),
    clock: {
      now: () => Date.UTC(2026, 10, 21),
      monotonic: () => 0,
      sleep: () => Promise.resolve(),
      newId: () => randomUUID(),
    },
    report: (signal) => signals.push(signal),
    signals,
  }
}

export function emptyEmbedded(partitions: number) {
  const path = mkdtempSync(join(tmpdir(), 'lattice-log-'))
  return openEmbeddedEventLog({ path, partitions, syncMode: 'off' })
}

/** Ids as a registry gives them: 1, 2, 3, … in the order schemas come, after some of other people. */
export function numberedSchemaIds(first = 1): SchemaIds {
  const ids = new Map<string, number>()
  return {
    idOf(_subject, schema) {
      const id = ids.get(schema) ?? first + ids.size
      ids.set(schema, id)
      return Promise.resolve(id)
    },
    schemaOf: (id) => Promise.resolve([...ids].find(([, known]) => known === id)?.[0]),
  }
}

export function eventRecord<Type extends EventType>(
  codec: Codec,
  type: Type,
  event: { key: string; data: EventData[Type]; id?: string; time?: number },
): NewRecord {
  const time = new Date(event.time ?? Date.UTC(2026, 10, 1)).toISOString()
  const envelope = { id: event.id ?? randomUUID(), type, source: '/lattice/test/1', subject: event.key, time }
  return { key: event.key, headers: toHeaders(envelope), value: codec.encode(type, event.data) }
}

export interface Sample {
  readonly runs: readonly string[]
  /** Hash of the object that an answer refers to. */
  readonly object: string
  /** The record nobody can read, and the letter about it. */
  readonly poison: { readonly id: string; readonly at: Position; readonly letter: string }
}

/** Fills an empty log with `runs` runs of 11 events each, interleaved, and the rest. */
export async function fillSample({ log, codec, objects }: Side, runs = 20): Promise<Sample> {
  const keys = Array.from({ length: runs }, (_, n) => `run-${n}`)
  const object = await objects.put(Buffer.from('a very long answer'))
  const started = Date.UTC(2026, 10, 1)
  for (let step = 0; step < 10; step += 1) {
    const answers = keys.map((key, n) =>
      eventRecord(codec, 'attempt.completed', {
        key,
        time: started + step * 1000 + n,
        data: sampleAnswer({
          content: n === 3 && step === 4 ? { sha256: object, sizeBytes: 18 } : `answer ${step} of ${key}`,
        }),
      }),
    )
    await appendAll(log, 'runs.v1', answers)
  }
  const waits = keys.map((key) => eventRecord(codec, 'run.started', { key, data: { worker: 'w' } }))
  await appendAll(log, 'runs.v1', waits)

  const poison = {
    key: 'run-7',
    headers: { ce_id: 'bad', ce_type: 'attempt.completed' },
    value: Buffer.from('no event'),
  }
  const [at] = await log.append('runs.v1', [poison])
  if (at === undefined) throw new Error('the poison has no position')
  const place = `${at.topic}:${at.partition}:${at.offset}`
  const letter = letterId('lookup', 1, at)
  await log.append('documents.v1', [{ key: 'x', headers: {}, value: new Uint8Array() }])
  await log.append('dead-letters.v1', [
    eventRecord(codec, 'record.parked', {
      key: place,
      id: letter,
      data: {
        by: 'lookup',
        version: 1,
        ...at,
        recordId: 'bad',
        recordType: 'attempt.completed',
        code: 'event.undecodable',
        message: 'not an event',
        key: poison.key,
        headers: poison.headers,
        value: poison.value,
      },
    }),
    eventRecord(codec, 'letter.discarded', { key: place, data: { letter, reason: 'known', principal: 'local' } }),
  ])
  return { runs: keys, object, poison: { id: 'bad', at, letter } }
}

export async function appendAll(log: EventLog, topic: Topic, records: readonly NewRecord[]): Promise<void> {
  for (let at = 0; at < records.length; at += 1000) await log.append(topic, records.slice(at, at + 1000))
}

export interface Placed {
  readonly at: Position
  readonly record: StoredRecord
}

/** Everything in a log. */
export async function everyRecord(log: EventLog): Promise<Placed[]> {
  const all: Placed[] = []
  for (const topic of topicNames) {
    for (const { partition, first } of await log.bounds(topic)) {
      for await (const batch of log.read({ topic, partition, offset: first })) {
        all.push(...batch.map((record) => ({ at: { topic, partition, offset: record.offset }, record })))
      }
    }
  }
  return all
}

/** What each key has, in order, and as its events read, however their bytes are spelt. */
export function storyOf(records: readonly Placed[], codec: Codec): Record<string, unknown[]> {
  const story: Record<string, unknown[]> = {}
  for (const { at, record } of records) {
    const type = record.headers['ce_type'] as EventType | undefined
    let data: unknown
    try {
      data = type !== undefined && type in catalog ? codec.decode(type, record.value) : undefined
    } catch {
      data = undefined
    }
    const key = `${at.topic} ${record.key}`
    ;(story[key] ??= []).push({
      headers: { ...record.headers },
      data: data ?? Buffer.from(record.value).toString('hex'),
    })
  }
  return story
}
