/** The registry speaks Confluent's API. */
import { expect, test } from 'vitest'

test('a schema registered gets an id and is found by it', async () => {
  const registry = process.env['LATTICE_TEST_REGISTRY']
  const schema = JSON.stringify({ type: 'record', name: 'Kept', fields: [{ name: 'text', type: 'string' }] })
  const registered = await fetch(`${registry}/subjects/kept-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema }),
  })
  const { id } = (await registered.json()) as { id: number }
  const found = (await (await fetch(`${registry}/schemas/ids/${id}`)).json()) as { schema: string }
  expect(JSON.parse(found.schema)).toEqual(JSON.parse(schema))
})
