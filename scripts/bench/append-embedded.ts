/**
 * The embedded log and its work share, beside `node:sqlite` doing the same by itself.
 *
 * Floor of an append: the same records, one row each (key, headers as JSON text made beforehand, value), by a prepared
 * insert in one transaction a batch, with the same page size, checkpoints and sync. Floor of a scan: those rows, iterated.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openEmbeddedEventLog } from '#infra/embedded/embedded-event-log.ts'
import { openEmbeddedWorkShare } from '#infra/embedded/embedded-work-share.ts'
import { openSqliteProcessLocks } from '#infra/sqlite/sqlite-process-locks.ts'
import type { NewRecord } from '#processors/ports/event-log.ts'
import { inTurns, lanes, rate, rateAtOnce } from './in-turns.ts'
import { deliverMs, scanRate, someRecords, topic, valueBytes } from './log-records.ts'
import type { Measure, Row } from './row.ts'

const conditions = { payloadBytes: valueBytes, sync: 'full' } as const

export const measure: Measure = async ({ quick, folder }) => {
  const laps = quick ? 1 : 5
  const lapMs = quick ? 50 : 700
  const rows: Row[] = []
  const data = (name: string): string => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const log = await openEmbeddedEventLog({ path: data('log') })
  const raw = openRaw(join(data('raw'), 'raw.sqlite'))

  for (const batch of [1, 100, 1000]) {
    const records = someRecords(batch)
    const [floor, ours] = await inTurns(laps, [
      () => rate(lapMs, batch, () => raw.append(records)),
      () => rate(lapMs, batch, () => log.append(topic, records)),
    ])
    const target = batch === 1 ? {} : { target: { ratio: 0.8 } }
    rows.push({ figure: `append-embedded batch ${batch}`, unit: 'events/s', floor, ours, ...conditions, ...target })
  }

  const [single] = someRecords(1) as [NewRecord]
  const [oneByOne, at64] = await inTurns(laps, [
    () => rate(lapMs, 1, () => log.append(topic, [single])),
    () => rateAtOnce(lanes(64), lapMs, () => log.append(topic, [single])),
  ])
  const target = { ratio: 10 }
  const note = 'floor: one at a time'
  rows.push({
    figure: 'append-embedded 64 at once',
    unit: 'events/s',
    floor: oneByOne,
    ours: at64,
    target,
    ...conditions,
    note,
  })

  rows.push(...(await scans({ quick, laps, data })))
  rows.push(...(await deliveries({ quick, data })))
  await log.close()
  raw.close()
  return rows
}

/** A log of batches alone, whose frames are full, and one of single appends, as a quiet system leaves it. */
async function scans(options: { quick: boolean; laps: number; data: (name: string) => string }): Promise<Row[]> {
  const { quick, laps, data } = options
  const count = quick ? 2_000 : 100_000
  const raw = openRaw(join(data('scan-raw'), 'raw.sqlite'), 'off')
  const full = await openEmbeddedEventLog({ path: data('scan-full'), syncMode: 'off' })
  const small = await openEmbeddedEventLog({ path: data('scan-small'), syncMode: 'off' })
  const records = someRecords(1000)
  for (let i = 0; i < count; i += 1000) {
    raw.append(records)
    await full.append(topic, records)
    for (let n = 0; n < 1000; n += 4) await small.append(topic, records.slice(n, n + 4))
  }
  const [floor, plain, headers, smallFrames] = await inTurns(laps, [
    () => raw.scan(),
    () => scanRate(full, { count, look: false }),
    () => scanRate(full, { count, look: true }),
    () => scanRate(small, { count, look: true }),
  ])
  for (const log of [full, small]) await log.close()
  raw.close()
  const row = { unit: 'events/s', floor, payloadBytes: valueBytes }
  return [
    { ...row, figure: 'scan-embedded', ours: plain, target: { ratio: 1 } },
    { ...row, figure: 'scan-embedded with headers', ours: headers },
    { ...row, figure: 'scan-embedded with headers, appended by fours', ours: smallFrames },
  ]
}

async function deliveries(options: { quick: boolean; data: (name: string) => string }): Promise<Row[]> {
  const { quick, data } = options
  const count = quick ? 1_000 : 20_000
  const path = data('work')
  const log = await openEmbeddedEventLog({ path, syncMode: 'off' })
  for (let i = 0; i < count; i += 1000) await log.append(topic, someRecords(1000))
  const share = await openEmbeddedWorkShare({ path, log, locks: openSqliteProcessLocks(join(path, 'locks')) })
  const each = ((await deliverMs(share, { count, group: 'bench' })) * 1000) / count
  await share.close()
  await log.close()
  return [
    { figure: 'work-share-embedded a delivery', unit: 'µs', ours: each, target: { atMost: 20 }, note: 'window 64' },
  ]
}

interface Raw {
  append(records: readonly NewRecord[]): void
  /** Rows a second. */
  scan(): Promise<number>
  close(): void
}

function openRaw(path: string, sync: 'full' | 'off' = 'full'): Raw {
  const database = new DatabaseSync(path)
  database.exec(`
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${sync};
    PRAGMA wal_autocheckpoint = 2048;
    CREATE TABLE log (offset INTEGER PRIMARY KEY, key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL) STRICT`)
  const insert = database.prepare('INSERT INTO log (key, headers, value) VALUES (?, ?, ?)')
  const every = database.prepare('SELECT offset, key, headers, value FROM log ORDER BY offset')
  const json = new WeakMap<NewRecord, string>()
  return {
    append(records) {
      database.exec('BEGIN IMMEDIATE')
      for (const record of records) {
        let headers = json.get(record)
        if (headers === undefined) json.set(record, (headers = JSON.stringify(record.headers)))
        insert.run(record.key, headers, record.value)
      }
      database.exec('COMMIT')
    },
    scan() {
      const begun = performance.now()
      let seen = 0
      for (const row of every.iterate()) if (row['value'] !== null) seen += 1
      return Promise.resolve((seen / (performance.now() - begun)) * 1000)
    },
    close: () => database.close(),
  }
}
