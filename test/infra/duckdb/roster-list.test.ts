/** Cells that hold lists, as what they list. */
import { expect, test } from 'vitest'
import { listOf } from '#infra/duckdb/roster-list.ts'

const items = ['C1', 'C;2', 'C,3', "O'Neil Co", 'C[4]', 'Smith, "and" Sons']

test('a list column gives its items as they are', () => {
  expect(listOf(JSON.stringify(items))).toEqual(items)
})

test('so does a JSON array in a text', () => {
  expect(listOf(JSON.stringify(JSON.stringify(items)))).toEqual(items)
})

test.for([
  ["O'Neil Co;Acme", ["O'Neil Co", 'Acme']],
  ['Smith, Inc.;Acme', ['Smith, Inc.', 'Acme']],
  [' C-1 ; ; C-2 ', ['C-1', 'C-2']],
  ['A,B', ['A,B', 'A', 'B']],
  ['A|B', ['A|B', 'A', 'B']],
  ["['A', 'B']", ["['A', 'B']", 'A', 'B']],
  ['"A"', ['"A"', 'A']],
  ['[A', ['[A']],
  ['', []],
] as const)('the text %s lists at least %j', ([text, listed]) => {
  expect(listOf(JSON.stringify(text))).toEqual(expect.arrayContaining([...listed]))
})

test('an empty cell lists nothing', () => {
  expect(listOf('')).toEqual([])
  expect(listOf('null')).toEqual([])
  expect(listOf('[null, 7]')).toEqual(['7'])
})
