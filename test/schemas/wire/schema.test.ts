/** Schemas as data. */
import { expect, test } from 'vitest'
import { readSchema } from '#schemas/wire/schema.ts'

const inner = { type: 'record', name: 'Inner', fields: [{ name: 'a', type: 'string' }] }

test('a reference by full or short name is the definition it names', () => {
  const schema = readSchema(
    JSON.stringify({
      type: 'record',
      name: 'Outer',
      namespace: 'here',
      fields: [
        { name: 'one', type: ['null', inner] },
        { name: 'two', type: { type: 'array', items: 'Inner' } },
        { name: 'three', type: { type: 'map', values: 'here.Inner' } },
        { name: 'four', type: { type: 'string' } },
      ],
    }),
  )
  const definition = { ...inner, namespace: 'here' }
  expect(schema.fields.map(({ type }) => type)).toEqual([
    ['null', definition],
    { type: 'array', items: definition },
    { type: 'map', values: definition },
    'string',
  ])
})

test('an unknown name, a schema that holds itself, and one that is no record are refused', () => {
  const holding = (type: unknown) => JSON.stringify({ ...inner, fields: [{ name: 'f', type }] })
  expect(() => readSchema(holding('Other'))).toThrow('there is no type Other')
  expect(() => readSchema(holding(['null', 'Inner']))).toThrow('Inner holds itself')
  expect(() => readSchema('{"type":"array","items":"string"}')).toThrow('an event is a record')
})
