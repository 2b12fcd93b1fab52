/** Every schema is a table, every event a row that fits it. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventTypes } from '#schemas/catalog.ts'
import { columnsOf, envelopeColumns, rowOf, tableOf, type ColumnKind } from '#schemas/wire/columns.ts'
import { anyEvent } from '#test/schemas/any-event.ts'
import { sampleAnswer } from '#test/schemas/sample-data.ts'

const fits: Readonly<Record<ColumnKind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  int: (value) => Number.isInteger(value) && Math.abs(value as number) <= 2 ** 31,
  long: (value) => Number.isSafeInteger(value),
  double: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  timestamp: () => false,
  json: (value) => typeof value === 'string' && JSON.parse(value) !== undefined,
  bytes: (value) => value instanceof Uint8Array,
}

test('a row has a value of its kind for every column of its table', () => {
  fc.assert(
    fc.property(anyEvent, ({ type, data }) => {
      const columns = tableOf(type).columns.slice(envelopeColumns.length)
      const row = rowOf(type, data)
      expect(row).toHaveLength(columns.length)
      columns.forEach(({ name, kind, nullable }, index) => {
        const value = row[index]
        expect([name, value === null ? nullable : fits[kind](value)]).toEqual([name, true])
      })
    }),
    { numRuns: 1000 },
  )
})

test('every table begins with the envelope and names no column twice, whatever the case', () => {
  for (const type of eventTypes) {
    const { name, columns } = tableOf(type)
    expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/)
    expect(columns.slice(0, envelopeColumns.length)).toEqual(envelopeColumns)
    const names = columns.map((column) => column.name.toLowerCase())
    expect(new Set(names).size).toBe(names.length)
  }
})

test('no two event types share a table', () => {
  expect(new Set(eventTypes.map((type) => tableOf(type).name)).size).toBe(eventTypes.length)
})

const answer = sampleAnswer({ content: 'Hello', raw: { sha256: 'abc', sizeBytes: 300_000 } })

test('a text that may be claimed is three columns, one or the other filled', () => {
  const names = tableOf('attempt.completed')
    .columns.slice(envelopeColumns.length)
    .map(({ name }) => name)
  const row = Object.fromEntries(rowOf('attempt.completed', answer).map((value, index) => [names[index], value]))
  expect(row).toMatchObject({ content: 'Hello', content_sha256: null, content_bytes: null })
  expect(row).toMatchObject({ raw: null, raw_sha256: 'abc', raw_bytes: 300_000 })
  expect(names.join(' ')).toBe(
    'attempt provider model content content_sha256 content_bytes raw raw_sha256 raw_bytes ' +
      'finishReason promptTokens completionTokens usageEstimated costMicroUsd requestId durationMs',
  )
})

test('a column takes its comment and whether it is nullable from the schema', () => {
  const columns = tableOf('run.completed').columns
  expect(columns).toContainEqual({ name: 'durationMs', kind: 'double', nullable: false, comment: 'Active time.' })
  expect(columns).toContainEqual({ name: 'outcome', kind: 'string', nullable: false })
  expect(columns.find(({ name }) => name === 'reason')).toMatchObject({ kind: 'string', nullable: true })
})

test('records, arrays and maps are one JSON column each', () => {
  const kinds = Object.fromEntries(tableOf('task.submitted').columns.map(({ name, kind }) => [name, kind]))
  expect(kinds).toMatchObject({
    limits: 'json',
    ladder: 'json',
    tags: 'json',
    retrieval: 'json',
    validatorOptions: 'string',
  })
})

test('a field named like an envelope column gets another name', () => {
  const names = tableOf('record.parked').columns.map(({ name }) => name)
  expect(names).toContain('data_topic')
  expect(names).toContain('data_partition')
  expect(names).toContain('offset')
})

test('columns hold the envelope, then the row of each event, in order', () => {
  const envelope = { id: 'e1', type: 'run.started', source: '/s', subject: 'r', time: '2026-11-21T08:00:00.000Z' }
  const position = { topic: 'runs.v1', partition: 3, offset: 7 }
  const chain = { run: 'r', seq: 1, prev: 'e0' }
  const events = [
    { data: { worker: 'one' }, envelope: { ...envelope, chain }, position, accepted: true },
    { data: { worker: 'two' }, envelope, position: { ...position, offset: 8 }, accepted: false },
  ]
  const columns = columnsOf('run.started', events)
  const names = tableOf('run.started').columns.map(({ name }) => name)
  const rows = events.map((_, row) => Object.fromEntries(names.map((name, column) => [name, columns[column]?.[row]])))
  const { topic, partition } = position
  expect(rows).toEqual([
    { ...envelope, ...chain, topic, partition, log_offset: 7, accepted: true, worker: 'one' },
    { ...envelope, run: null, seq: null, prev: null, topic, partition, log_offset: 8, accepted: false, worker: 'two' },
  ])
  expect(columnsOf('run.started', [])).toEqual(names.map(() => []))
})
