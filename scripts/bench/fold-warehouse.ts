/**
 * The warehouse's store: event tables filled by columns and committed with their checkpoint.
 *
 * Floor: `@duckdb/node-api` by itself, the same columns already in DuckDB's own types, by `setColumns` and an appender,
 * one transaction a batch and a checkpoint row in it. Content hash and snapshot have no floor and are watched.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'
import { openDuckdbColumnStore } from '#infra/duckdb/duckdb-column-store.ts'
import type { ColumnValues } from '#processors/ports/column-store.ts'
import { tableOf } from '#schemas/wire/columns.ts'
import { inTurns, rate } from './in-turns.ts'
import type { Measure, Row } from './row.ts'

const table = tableOf('attempt.completed')
const conditions = { payloadBytes: 400, sync: 'commit', note: `${table.columns.length} columns` } as const

export const measure: Measure = async ({ quick, folder }) => {
  const laps = quick ? 1 : 5
  const lapMs = quick ? 50 : 500
  const rows: Row[] = []
  const path = join(folder, 'ours.duckdb')
  const store = await openDuckdbColumnStore({ path })
  await store.define([table], [])
  const raw = await openRaw(join(folder, 'raw.duckdb'))
  let next = 0
  const append = async (columns: readonly ColumnValues[], count: number): Promise<void> => {
    await store.append(table.name, columns, count)
    next += count
    await store.commit([{ topic: 'runs.v1', partition: 0, next, lastId: 'last' }])
  }
  await append(someColumns(100), 100)
  await raw.append(duckdbColumns(someColumns(100)), 100)

  for (const batch of [500, 5_000, 20_000]) {
    const columns = someColumns(batch)
    const converted = duckdbColumns(columns)
    const [floor, ours] = await inTurns(laps, [
      () => rate(lapMs, batch, () => raw.append(converted, batch)),
      () => rate(lapMs, batch, () => append(columns, batch)),
    ])
    const figure = `fold-warehouse batch ${batch}`
    rows.push({
      figure,
      unit: 'rows/s',
      floor,
      ours,
      target: { ratio: 0.8 },
      ...conditions,
    })
  }

  const [{ n = 0 } = {}] = await store.query(`SELECT count(*) AS n FROM ${table.name}`)
  const hashing = await seconds(() => store.contentHash())
  rows.push({ figure: 'content-hash warehouse', unit: 'rows/s', ours: Number(n) / hashing, ...conditions })
  const copying = await seconds(() => store.snapshot(join(folder, 'snapshot.duckdb')))
  const sizeMb = (statSync(join(folder, 'snapshot.duckdb')).size / 1e6).toFixed(1)
  rows.push({ figure: 'snapshot warehouse', unit: 'ms', ours: copying * 1000, note: `${Number(n)} rows, ${sizeMb} MB` })
  await store.close()
  raw.close()
  return rows
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

function someColumns(rows: number): ColumnValues[] {
  const text = (length: number): string =>
    crypto
      .randomUUID()
      .repeat(Math.ceil(length / 36))
      .slice(0, length)
  const known: Readonly<Record<string, (row: number) => ColumnValues[number]>> = {
    type: () => 'attempt.completed',
    topic: () => 'runs.v1',
    time: (row) => new Date(Date.UTC(2026, 0, 1) + row).toISOString(),
    source: () => '/lattice/worker/bench',
    provider: () => 'openai',
    model: () => 'gpt-4o-mini',
    content: () => text(120),
    raw: () => text(200),
    finishReason: () => 'stop',
  }
  const byKind = {
    string: () => text(36),
    json: () => '{}',
    int: (row: number) => row % 7,
    long: (row: number) => row,
    double: (row: number) => row / 3,
    boolean: () => true,
    timestamp: (row: number) => row,
    bytes: () => null,
  }
  return table.columns.map(({ name, kind, nullable }) => {
    const value = known[name] ?? (nullable && kind === 'string' ? () => null : byKind[kind])
    return Array.from({ length: rows }, (_, row) => value(row))
  })
}

function duckdbColumns(columns: readonly ColumnValues[]): duckdb.DuckDBValue[][] {
  return table.columns.map(({ kind }, index) =>
    (columns[index] ?? []).map((value): duckdb.DuckDBValue => {
      if (value === null || value instanceof Uint8Array) return null
      if (kind === 'long') return BigInt(value)
      return kind === 'timestamp' ? new duckdb.DuckDBTimestampValue(BigInt(Date.parse(String(value))) * 1000n) : value
    }),
  )
}

interface Raw {
  append(columns: readonly duckdb.DuckDBValue[][], rows: number): Promise<void>
  close(): void
}

async function openRaw(path: string): Promise<Raw> {
  const { VARCHAR, INTEGER, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP, BLOB } = duckdb
  const byKind = {
    string: VARCHAR,
    json: VARCHAR,
    int: INTEGER,
    long: BIGINT,
    double: DOUBLE,
    boolean: BOOLEAN,
    timestamp: TIMESTAMP,
    bytes: BLOB,
  }
  const types = table.columns.map(({ kind }) => byKind[kind])
  const settings = { memory_limit: '128MB', threads: '2', wal_autocheckpoint: '256MB' }
  const instance = await duckdb.DuckDBInstance.create(path, settings)
  const connection = await instance.connect()
  await connection.run(`CREATE TABLE rows (${types.map((type, index) => `c${index} ${type.toString()}`).join(', ')})`)
  await connection.run('CREATE TABLE checkpoints (next BIGINT)')
  const appender = await connection.createAppender('rows')
  let next = 0n
  return {
    async append(columns, rows) {
      await connection.run('BEGIN')
      for (let from = 0; from < rows; from += 2048) {
        const to = Math.min(rows, from + 2048)
        const chunk = duckdb.DuckDBDataChunk.create(types, to - from)
        chunk.setColumns(columns.map((values) => values.slice(from, to)))
        appender.appendDataChunk(chunk)
      }
      appender.flushSync()
      next += BigInt(rows)
      await connection.run(`INSERT INTO checkpoints VALUES (${next})`)
      await connection.run('COMMIT')
    },
    close() {
      appender.closeSync()
      connection.closeSync()
      instance.closeSync()
    },
  }
}
