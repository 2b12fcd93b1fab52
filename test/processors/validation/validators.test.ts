/** Validators: pure judges of an answer. */
import { expect, test } from 'vitest'
import { defaultValidator, validators } from '#processors/validation/validators.ts'

test.for([
  ['answered', 'x', true],
  ['answered', '', false],
  ['answered', ' \n\t', false],
  ['json', '{"a": [1]}', true],
  ['json', ' 1 ', true],
  ['json', '```json\n{"a": 1}\n```', true],
  ['json', '```\n[]\n```\n', true],
  ['json', '', false],
  ['json', '{"a": }', false],
  ['json', 'Here you go: {"a": 1}', false],
  ['json', '{} {}', false],
  ['json', '```json\n{}\n```\nand more', false],
] as const)('%s of %j passes: %j', ([name, answer, passes]) => {
  const findings = validators[name]!(answer, {})
  expect(findings.length === 0).toBe(passes)
  expect(validators[name]!(answer, {})).toEqual(findings)
})

test('a task that names none gets one that exists', () => {
  expect(Object.hasOwn(validators, defaultValidator)).toBe(true)
})
