/** Values of writers that know another version: read as the newest, once their schema is known. */
import avsc from 'avsc'
import { expect, test } from 'vitest'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { catalogIdOf, catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import type { SchemaIds } from '#schemas/wire/schema-ids.ts'
import { sampleTask } from '#test/schemas/sample-data.ts'
import { failureOf } from './failure-of.ts'

const newest = catalogSchemaIds()
const startedSchema = JSON.parse(schemaVersions['run.started'][0] ?? '') as { fields: object[] }

function knowing(foreign: Readonly<Record<number, string>>): SchemaIds & { readonly asked: number[] } {
  const asked: number[] = []
  return {
    asked,
    idOf: newest.idOf,
    schemaOf: (id) => {
      asked.push(id)
      return Promise.resolve(foreign[id])
    },
  }
}

function written(schemaId: number, schema: string, data: object): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(schemaId, 1)
  return Buffer.concat([head, avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema).toBuffer(data)])
}

const newer = JSON.stringify({
  ...startedSchema,
  fields: [
    { name: 'extra', type: { type: 'array', items: ['int', 'string'] } },
    ...startedSchema.fields,
    { name: 'note', type: 'string' },
  ],
})

test('a newer writer is read once its schema is learnt, its unknown fields left out', async () => {
  const ids = knowing({ 77: newer })
  const codec = await openCodec(ids)
  const value = written(77, newer, { extra: [1, 'x'], worker: 'one', note: 'new' })
  const error = failureOf(() => codec.decode('run.started', value))
  expect([error.code, error.schemaId]).toEqual(['unknown-schema', 77])

  expect(await Promise.all([codec.learn(77), codec.learn(77)])).toEqual([true, true])
  expect(codec.decode('run.started', value)).toStrictEqual({ worker: 'one' })
  expect(await codec.learn(77)).toBe(true)
  expect(ids.asked).toEqual([77])
})

test('an older writer is read with the defaults of what it did not know', async () => {
  const submitted = JSON.parse(schemaVersions['task.submitted'][0] ?? '') as { fields: { name: string }[] }
  const fields = submitted.fields.filter(({ name }) => name !== 'tags' && name !== 'redactions')
  const older = JSON.stringify({ ...submitted, fields })
  const codec = await openCodec(knowing({ 78: older }))
  await codec.learn(78)
  const task = sampleTask({ messages: 'm' })
  const value = written(78, older, task)
  expect(codec.decode('task.submitted', value)).toStrictEqual(task)
})

test('a schema nobody knows stays unknown, and may be known later', async () => {
  const foreign: Record<number, string> = {}
  const codec = await openCodec(knowing(foreign))
  expect(await codec.learn(79)).toBe(false)
  expect(
    failureOf(() => codec.decode('run.started', written(79, newer, { extra: [], worker: 'w', note: '' }))).code,
  ).toBe('unknown-schema')
  foreign[79] = newer
  expect(await codec.learn(79)).toBe(true)
})

test('a schema of another event, and one that is none, are undecodable', async () => {
  const codec = await openCodec(knowing({ 80: '{"type":"record"}', 81: 'nonsense' }))
  await codec.learn(80)
  await codec.learn(81)
  const foreign = [headed(80), headed(81), headed(catalogIdOf(schemaVersions['run.waited'][0] ?? ''))]
  for (const value of foreign) {
    expect(failureOf(() => codec.decode('run.started', Buffer.concat([value, Uint8Array.of(2, 0x61)]))).code).toBe(
      'undecodable',
    )
  }
})

test('an array that a newer writer added is skipped within its bounds', async () => {
  const codec = await openCodec(knowing({ 77: newer }))
  await codec.learn(77)
  const endless = Uint8Array.of(0x01, 0x01) // a block of one item, −1 byte long: going back for ever
  const huge = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10)
  for (const claim of [endless, huge]) {
    expect(
      failureOf(() => codec.decode('run.started', Buffer.concat([headed(77), claim, Buffer.alloc(100)]))).code,
    ).toBe('undecodable')
  }
})

function headed(schemaId: number): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(schemaId, 1)
  return head
}

test('every version is registered under its topic and type, oldest first', async () => {
  const subjects: string[] = []
  await openCodec({
    idOf: (subject, schema) => {
      subjects.push(`${subject} ${schemaVersions['run.started'].includes(schema)}`)
      return newest.idOf(subject, schema)
    },
    schemaOf: newest.schemaOf,
  })
  expect(subjects).toContain('runs.v1-run.started true')
  expect(subjects).toHaveLength(Object.values(schemaVersions).flat().length)
})
