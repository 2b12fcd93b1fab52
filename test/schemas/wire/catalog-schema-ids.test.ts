/** Ids from the catalog alone: stable, distinct, found again. */
import { expect, test } from 'vitest'
import { schemaVersions } from '#schemas/generated-schemas.ts'
import { catalogIdOf, catalogSchemaIds } from '#schemas/wire/catalog-schema-ids.ts'

const schemas = Object.values(schemaVersions).flat()

test('no two schemas of the catalog share an id', () => {
  expect(new Set(schemas.map(catalogIdOf)).size).toBe(schemas.length)
})

test('every id is a positive number of 31 bits', () => {
  for (const id of schemas.map(catalogIdOf)) {
    expect(Number.isInteger(id)).toBe(true)
    expect(id).toBeGreaterThan(0)
    expect(id).toBeLessThan(2 ** 31)
  }
})

test('an id is the same for ever: docs, defaults and spacing do not change it, a type does', () => {
  const text = (type: string, more: object = {}) =>
    JSON.stringify({ type: 'record', name: 'a.B', fields: [{ name: 'f', type, ...more }] })
  expect(catalogIdOf(text('string'))).toBe(559995284)
  expect(catalogIdOf(`  ${text('string', { doc: 'new', default: '' })}`)).toBe(559995284)
  expect(catalogIdOf(text('bytes'))).not.toBe(559995284)
})

test('a schema is found by its id, another number finds none', async () => {
  const ids = catalogSchemaIds()
  for (const schema of schemas) expect(await ids.schemaOf(await ids.idOf('any', schema))).toBe(schema)
  expect(await ids.schemaOf(1)).toBeUndefined()
})
