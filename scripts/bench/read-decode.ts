/**
 * Reading the embedded log into a projection that does nothing: records to decoded events, the way every store goes.
 *
 * Floor: the same keys, headers and values as rows of a plain `node:sqlite` table, iterated. It decodes nothing, so a
 * ratio of 1 is out of reach; what is asked for is a rate.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { decodeRecords } from '#processors/journal/read.ts'
import type { EventLog, NewRecord } from '#processors/ports/event-log.ts'
import type { AttemptCompleted } from '#schemas/generated.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { type Codec, openCodec } from '#schemas/wire/codec.ts'
import { toHeaders } from '#schemas/wire/headers.ts'
import { inTurns } from './in-turns.ts'
import type { Measure } from './row.ts'

const topic = 'runs.v1'
const type = 'attempt.completed'
const valueBytes = 400

export const measure: Measure = async ({ quick, folder }) => {
  const count = quick ? 2_000 : 200_000
  const laps = quick ? 1 : 7
  const codec = await openCodec(catalogSchemaIds())
  const log = await openEmbeddedEventLog({ path: join(folder, 'log'), syncMode: 'off' })
  const raw = openRaw(join(folder, 'raw.sqlite'))
  for (let written = 0; written < count; written += 1000) {
    const records = Array.from({ length: 1000 }, (_, n) => someRecord(codec, written + n))
    await log.append(topic, records)
    raw.append(records)
  }

  const perSecond = async (work: () => Promise<number> | number): Promise<number> => {
    const began = performance.now()
    const seen = await work()
    if (seen !== count) throw new Error(`${seen} of ${count} events`)
    return (count / (performance.now() - began)) * 1000
  }
  const perCpuSecond = async (work: () => Promise<number>): Promise<number> => {
    const began = process.cpuUsage()
    const seen = await work()
    const { user, system } = process.cpuUsage(began)
    return (seen / (user + system)) * 1e6
  }
  const [floor, decoded, byCpu, skipped] = await inTurns(laps, [
    () => perSecond(() => raw.scan()),
    () => perSecond(() => fold(log, codec)),
    () => perCpuSecond(() => fold(log, codec)),
    () => perSecond(() => pass(log, codec)),
  ])
  raw.close()
  await log.close()
  const row = { unit: 'events/s', floor, payloadBytes: valueBytes } as const
  return [
    { ...row, figure: 'read-decode', ours: decoded, target: { atLeast: 300_000 }, note: 'floor decodes nothing' },
    {
      figure: 'read-decode a second of CPU',
      unit: 'events/s',
      ours: byCpu,
      payloadBytes: valueBytes,
      note: 'all threads; a busy machine moves it less',
    },
    { ...row, figure: 'read-decode of a type nobody handles', ours: skipped },
  ]
}

/** How many events a projection that does nothing was given. */
async function fold(log: EventLog, codec: Codec): Promise<number> {
  let seen = 0
  const on = { 'attempt.completed': (data: AttemptCompleted) => (seen += data.attempt) }
  for await (const records of log.read({ topic, partition: 0, offset: 0 })) {
    const events = await decodeRecords(codec, records, { topic, partition: 0, wants: (wanted) => wanted in on })
    for (const event of events) if ('data' in event && event.type === type) on[type](event.data)
  }
  return seen
}

async function pass(log: EventLog, codec: Codec): Promise<number> {
  let seen = 0
  for await (const records of log.read({ topic, partition: 0, offset: 0 })) {
    const events = await decodeRecords(codec, records, { topic, partition: 0, wants: () => false })
    seen += records.length - events.length
  }
  return seen
}

function someRecord(codec: Codec, seq: number): NewRecord {
  const run = randomUUID()
  const envelope = {
    id: randomUUID(),
    type,
    source: '/lattice/worker/bench',
    subject: run,
    time: new Date(Date.UTC(2026, 0, 1) + seq).toISOString(),
    chain: { run, seq: 3, prev: randomUUID() },
    causationId: randomUUID(),
  }
  return { key: run, headers: toHeaders(envelope), value: codec.encode(type, sizedAnswer(codec, run)) }
}

let fill = 0

/** Its value has exactly so many bytes: the answer is as long as it takes. */
function sizedAnswer(codec: Codec, id: string): AttemptCompleted {
  const answer = (length: number): AttemptCompleted => {
    const content = `${id} says that it runs small-model work and remembers all of it. `.repeat(6).slice(0, length)
    return {
      attempt: 1,
      provider: 'groq',
      model: 'llama-3.3-70b-versatile',
      content,
      raw: JSON.stringify({ id, choices: [{ index: 0, message: { role: 'assistant' }, finish_reason: 'stop' }] }),
      finishReason: 'stop',
      promptTokens: 412,
      completionTokens: 33,
      usageEstimated: false,
      costMicroUsd: 1234,
      requestId: `req_${id.slice(0, 8)}`,
      durationMs: 812.25,
    }
  }
  fill ||= valueBytes - codec.encode(type, answer(100)).length + 100
  const made = answer(fill)
  if (codec.encode(type, made).length !== valueBytes) throw new Error('not the size it should have')
  return made
}

interface Raw {
  append(records: readonly NewRecord[]): void
  scan(): number
  close(): void
}

function openRaw(path: string): Raw {
  const database = new DatabaseSync(path)
  database.exec(`
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    CREATE TABLE log (offset INTEGER PRIMARY KEY, key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL) STRICT`)
  const insert = database.prepare('INSERT INTO log (key, headers, value) VALUES (?, ?, ?)')
  const every = database.prepare('SELECT offset, key, headers, value FROM log ORDER BY offset')
  return {
    append(records) {
      database.exec('BEGIN')
      for (const { key, headers, value } of records) insert.run(key, JSON.stringify(headers), value)
      database.exec('COMMIT')
    },
    scan() {
      let seen = 0
      for (const row of every.iterate()) if (row['value'] !== null) seen += 1
      return seen
    },
    close: () => database.close(),
  }
}
