/** `json_schema`: JSON against a foreign schema, which may be hostile. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeAnswer } from '#processors/validation/judge-answer.ts'
import type { Finding } from '#processors/validation/validator.ts'
import { validatorFor } from '#processors/validation/validators.ts'

const judge = (answer: unknown, schema: unknown): Promise<readonly Finding[]> =>
  judgeAnswer('json_schema', typeof answer === 'string' ? answer : JSON.stringify(answer), {
    options: { schema },
    roster: undefined,
  })
const person = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 1 }, mail: { type: 'string', format: 'email' } },
  required: ['name'],
  additionalProperties: false,
}

test.for([
  [{ name: 'Ann', mail: 'ann@example.org' }, person],
  ['Sure: {"name": "Ann"} there', person],
  ['42', { type: 'integer' }],
  [[1, 2], { type: 'array', items: { type: 'integer' } }],
  [{ a: { a: {} } }, { $defs: { node: { properties: { a: { $ref: '#/$defs/node' } } } }, $ref: '#/$defs/node' }],
  [[1, 'x'], { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'integer' }, { type: 'string' }] }],
  [{}, true],
])('%j fits %j', async ([answer, schema]) => {
  expect(await judge(answer, schema)).toEqual([])
})

test.for([
  [{}, person, 'required', ''],
  [{ name: '' }, person, 'minLength', '/name'],
  [{ name: 'Ann', mail: 'no' }, person, 'format', '/mail'],
  [{ name: 'Ann', age: 7 }, person, 'additionalProperties', ''],
  [{ n: 'x' }, { properties: { n: { enum: ['a', 'b'] } } }, 'enum', '/n'],
  [{}, false, 'false schema', ''],
  [{ $async: 1 }, { not: {} }, 'not', ''],
])('%j does not fit %j, by %s', async ([answer, schema, code, path]) => {
  expect(await judge(answer, schema)).toMatchObject([{ kind: 'Schema', code, path }])
})

test('no JSON fits nothing', async () => {
  for (const answer of ['', 'no', '{"name": "A']) {
    expect(await judge(answer, true)).toMatchObject([{ kind: 'Syntax', code: 'no-json' }])
  }
})

const deep = (levels: number): unknown => (levels === 0 ? {} : { not: deep(levels - 1) })
test.for([
  ['none', undefined],
  ['null', null],
  ['a text', '{}'],
  ['a list', []],
  ['an unknown type', { type: 'objekt' }],
  ['a misspelt keyword', { requried: ['name'] }],
  ['an unknown format', { format: 'phone-number' }],
  ['a reference into the net', { $ref: 'https://example.org/schema' }],
  ['a reference into a file', { properties: { a: { $ref: 'file:///etc/passwd' } } }],
  ['a reference to nothing', { $ref: '#/$defs/none' }],
  ['another dialect', { $schema: 'https://example.org/dialect' }],
  ['$async', { $async: true }],
  ['a broken pattern', { pattern: '(' }],
  ['a long pattern', { pattern: 'a'.repeat(2000) }],
  ['a deep one', deep(100)],
  ['a large one', { enum: Array.from({ length: 6000 }, (_, index) => index) }],
  ['a larger one', { description: 'x'.repeat(70_000) }],
  ['__proto__', JSON.parse('{"properties": {"__proto__": {"type": "string"}}}') as object],
] as const)('a schema that is %s is refused before anything is asked', async ([, schema]) => {
  await expect(validatorFor('json_schema', { schema })).rejects.toMatchObject({ code: 'request.invalid' })
})

test('a pattern that never ends is ended, and is no pass', async () => {
  const slow = { properties: { a: { pattern: '^(a+)+$' } } }
  expect(await judge({ a: `${'a'.repeat(40)}!` }, slow)).toMatchObject([
    { kind: 'Infrastructure', code: 'schema-too-slow' },
  ])
  expect(await judge({ a: 'aaa' }, slow)).toEqual([])
})

test('references that double at every step end too', async () => {
  const steps = Array.from({ length: 40 }, (_, index) => [
    `s${index}`,
    { allOf: [{ $ref: `#/$defs/s${index + 1}` }, { $ref: `#/$defs/s${index + 1}` }] },
  ])
  const schema = { $ref: '#/$defs/s0', $defs: { ...Object.fromEntries(steps), s40: { type: 'object' } } }
  const findings = await judge({}, schema)
  expect(findings).toMatchObject([{ kind: 'Infrastructure' }])
  expect((await judge({}, { allOf: [{ $ref: '#' }] })).length).toBeGreaterThan(0)
})

test('nobody is held up by schemas that never end, and good ones are judged meanwhile', async () => {
  const hostile = { a: `${'a'.repeat(40)}!` }
  await judge({}, {})
  const before = performance.eventLoopUtilization()
  const order: string[] = []
  const slow = Promise.all(
    Array.from({ length: 3 }, (_, index) =>
      judge(hostile, { description: String(index), properties: { a: { pattern: '^(a+)+$' } } }),
    ),
  ).finally(() => order.push('slow'))
  for (let index = 0; index < 5; index++) expect(await judge({ a: index }, { required: ['a'] })).toEqual([])
  order.push('good')
  expect(await slow).toMatchObject(Array.from({ length: 3 }, () => [{ code: 'schema-too-slow' }]))
  expect(order).toEqual(['good', 'slow'])
  // Where they were judged in this thread it would have had no time for anything else.
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.6)
})

test('many schemas do not pile up, and none is taken for another', async () => {
  for (let index = 0; index < 200; index++) {
    expect(await judge(String(index % 70), { const: index % 70 })).toEqual([])
    expect(await judge(String(index % 70), { const: (index % 70) + 1 })).toHaveLength(1)
  }
})

test('what no schema allows passes by no answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (answer) => {
      expect(await judge(answer, { not: {} })).not.toEqual([])
    }),
  )
})
