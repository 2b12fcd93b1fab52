/** Old events are read for ever: by rule, and by bytes kept from every version. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { eventTypes, type EventType } from '#schemas/catalog.ts'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { avroType } from '#schemas/wire/avro.ts'
import { catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'
import { openCodec } from '#schemas/wire/codec.ts'
import { unreadableVersions, whyUnreadable } from '#schemas/wire/compatible.ts'
import { goldenJson, goldenPaths } from '#scripts/golden.ts'

test.for(eventTypes)('the newest %s reads every older version', (type) => {
  expect(unreadableVersions(schemaVersions[type])).toEqual([])
})

const golden = goldenPaths()
const codec = await openCodec(catalogSchemaIds())

test.for(golden)('$name decodes from its golden bytes to its golden data, and is written to the same bytes', (file) => {
  expect([existsSync(file.hex), existsSync(file.json)], 'npm run generate -- --golden').toEqual([true, true])
  const values = readFileSync(file.hex, 'utf8').trim().split('\n')
  const wanted = JSON.parse(readFileSync(file.json, 'utf8')) as object[]
  const type = file.name.slice(0, file.name.lastIndexOf('.')) as EventType
  const isNewest = schemaVersions[type].at(-1) === file.schema
  expect(values.length).toBe(wanted.length)
  values.forEach((hex, index) => {
    const value = Buffer.from(hex, 'hex')
    const own = avroType(file.schema)
    const data = own.fromBuffer(value.subarray(5)) as unknown
    expect(JSON.parse(JSON.stringify(data, goldenJson))).toEqual(wanted[index])
    expect(own.toBuffer(data).toString('hex')).toBe(hex.slice(10))

    const newest = codec.decode(type, value)
    if (!isNewest) return
    expect(JSON.parse(JSON.stringify(newest, goldenJson))).toEqual(wanted[index])
    expect(Buffer.from(codec.encode(type, newest)).toString('hex')).toBe(hex)
  })
})

test('there is no golden file without its version', () => {
  const expected = golden.flatMap(({ name }) => [`${name}.hex`, `${name}.json`])
  expect(readdirSync(dirname(golden[0]?.hex ?? '')).sort()).toEqual(expected.sort())
})

const ref = { type: 'record', name: 'Ref', fields: [{ name: 'sha', type: 'string' }] }
const bigRef = { type: 'record', name: 'Ref', fields: [...ref.fields, { name: 'size', type: 'long' }] }
const colour = (...symbols: string[]) => ({ type: 'enum', name: 'Colour', symbols })

test.for<[string, unknown, unknown, string[]]>([
  ['a wider number', 'int', 'long', []],
  ['a narrower number', 'long', 'int', ['f: was long, is int']],
  ['another kind', 'string', { type: 'array', items: 'string' }, ['f: was string, is array']],
  ['one more branch', 'string', ['string', ref], []],
  ['one branch less', ['null', 'string', ref], ['null', 'string'], ['f: was Ref at times, is null or string']],
  ['no longer nullable', ['null', 'string'], 'string', ['f: was null at times, is string']],
  ['one more symbol', colour('red'), colour('red', 'blue'), []],
  ['one symbol less', colour('red', 'blue'), colour('red'), ['f: blue is no longer in Colour']],
  ['items', { type: 'array', items: ref }, { type: 'array', items: bigRef }, ['f[].size: new, and has no default']],
  ['values', { type: 'map', values: 'string' }, { type: 'map', values: 'int' }, ['f{}: was string, is int']],
  ['inside a branch', ['string', ref], ['string', bigRef], ['f.size: new, and has no default']],
  ['another name', ref, { ...ref, name: 'Other' }, ['f: was Ref, is Other']],
])('%s', ([, older, newer, reasons]) => {
  const holding = (type: unknown) => JSON.stringify({ type: 'record', name: 'E', fields: [{ name: 'f', type }] })
  expect(whyUnreadable(holding(newer), holding(older))).toEqual(reasons)
})

const version = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'E', fields })
const a = { name: 'a', type: 'int' }
const b = { name: 'b', type: 'string' }

test('fields may go, and come with a default or an alias', () => {
  expect(whyUnreadable(version(a), version(a, b))).toEqual([])
  expect(whyUnreadable(version(a, { ...b, default: '' }), version(a))).toEqual([])
  expect(whyUnreadable(version({ ...a, name: 'c', aliases: ['a'] }), version(a))).toEqual([])
  expect(whyUnreadable(version(a, b), version(a))).toEqual(['b: new, and has no default'])
})

test('all older versions are tried, not only the one before', () => {
  const versions = [version(a, b), version(a), version(a, b)]
  expect(unreadableVersions(versions)).toEqual([{ version: 2, reasons: ['b: new, and has no default'] }])
  expect(unreadableVersions(versions.slice(1, 2))).toEqual([])
})
