/**
 * `npm run generate -- --golden`: golden bytes of schema versions that have none yet.
 *
 * Promise: a golden file that is there is never written again. What was once on a log has to be read for ever, so a
 * test that fails on a golden file is right, and the code is wrong.
 *
 * `test/schemas/golden/<type>.vN.hex` has one value a line, `<type>.vN.json` the data they decode to, in order.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventTypes } from '#schemas/catalog.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { avroType } from '#schemas/wire/avro.ts'
import { catalogIdOf } from '#schemas/wire/catalog-schema-ids.ts'
import { branchesOf, isUnion, readSchema, type Schema } from '#schemas/wire/schema.ts'

export interface GoldenFile {
  /** `attempt.completed.v1` */
  readonly name: string
  /** The schema of that version, as JSON text. */
  readonly schema: string
  readonly hex: string
  readonly json: string
}

const folder = join(import.meta.dirname, '..', 'test', 'schemas', 'golden')

/** Every version of every event type: its name and schema, and where its golden files are or ought to be. */
export function goldenPaths(): readonly GoldenFile[] {
  return eventTypes.flatMap((type) =>
    schemaVersions[type].map((schema, index) => {
      const name = `${type}.v${index + 1}`
      return { name, schema, hex: join(folder, `${name}.hex`), json: join(folder, `${name}.json`) }
    }),
  )
}

/** Writes the missing ones; their names. */
export function writeMissingGolden(): readonly string[] {
  mkdirSync(folder, { recursive: true })
  const missing = goldenPaths().filter(({ hex, json }) => !existsSync(hex) && !existsSync(json))
  for (const { schema, hex, json } of missing) {
    const samples = [sampleOf(readSchema(schema), 'fullest'), sampleOf(readSchema(schema), 'emptiest')]
    writeFileSync(hex, samples.map((sample) => `${written(schema, sample).toString('hex')}\n`).join(''))
    writeFileSync(json, `${JSON.stringify(samples, goldenJson, 2)}\n`)
  }
  return missing.map(({ name }) => name)
}

/** Bytes have no form in JSON: they are text of hex digits. */
export function goldenJson(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `hex:${Buffer.from(value).toString('hex')}` : value
}

function written(schema: string, data: unknown): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(catalogIdOf(schema), 1)
  return Buffer.concat([head, avroType(schema).toBuffer(data)])
}

/** Data that meets the schema's corners: the last branch of each union and some items, or the first and none. */
function sampleOf(schema: Schema, how: 'fullest' | 'emptiest', name = ''): unknown {
  const full = how === 'fullest'
  if (isUnion(schema)) return sampleOf((full ? branchesOf(schema).at(-1) : schema[0]) ?? 'null', how, name)
  if (typeof schema === 'string') return full ? fullest(schema, name) : emptiest[schema]
  if (!('type' in schema)) return null
  switch (schema.type) {
    case 'record':
      return Object.fromEntries(schema.fields.map((field) => [field.name, sampleOf(field.type, how, field.name)]))
    case 'enum':
      return full ? schema.symbols.at(-1) : schema.symbols[0]
    case 'array':
      return full ? [sampleOf(schema.items, 'fullest', name), sampleOf(schema.items, 'emptiest', name)] : []
    case 'map':
      return full ? { 'a key': sampleOf(schema.values, how, name), ключ: sampleOf(schema.values, how, name) } : {}
    case 'fixed':
      return new Uint8Array(schema.size)
  }
}

function fullest(primitive: string, name: string): unknown {
  return {
    null: null,
    boolean: true,
    int: -(2 ** 31),
    long: Number.MIN_SAFE_INTEGER,
    float: 0.5,
    double: 1234.0625,
    bytes: Uint8Array.of(0, 127, 128, 255),
    string: `${name}: "déjà vu" \u0000 ✓ 😀`,
  }[primitive]
}

const emptiest: Readonly<Record<string, unknown>> = {
  null: null,
  boolean: false,
  int: 0,
  long: 0,
  float: 0,
  double: 0,
  bytes: new Uint8Array(),
  string: '',
}
