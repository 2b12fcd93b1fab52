/** Validators: what each judges, and that nothing gets past one by accident. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Roster } from '#processors/ports/roster.ts'
import { groundedInRoster } from '#processors/validation/grounded.ts'
import { judgeAnswer } from '#processors/validation/judge-answer.ts'
import { defaultValidator, validators } from '#processors/validation/validators.ts'
import { Failure } from '#processors/ports/failure.ts'

const nobody: Roster = { find: async () => [], matching: async () => [], close: async () => {} }
const names = Object.keys(validators)

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
] as const)('%s of %j passes: %j', async ([name, answer, passes]) => {
  const findings = await judgeAnswer(name, answer, { options: {}, roster: undefined })
  expect(findings.length === 0).toBe(passes)
  expect(await judgeAnswer(name, answer, { options: {}, roster: undefined })).toEqual(findings)
})

test('a fence of a megabyte of lines is judged at once', async () => {
  const answer = `\`\`\`json\n${'\n \n'.repeat(300_000)}x`
  expect(await judgeAnswer('json', answer, { options: {}, roster: undefined })).toHaveLength(1)
})

test('a task that names none gets one that exists', () => {
  expect(Object.hasOwn(validators, defaultValidator)).toBe(true)
})

test.for(names)('%s: no answer at all makes it throw', async (name) => {
  const key = fc.constantFrom(
    'fills',
    'candidate_id',
    'id',
    'to',
    'subject',
    'body',
    'operation',
    'steps',
    'endorsed_names',
    '__proto__',
  )
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue({ maxDepth: 2 }),
      fc.array(tie('any')),
      fc.dictionary(key, tie('any')),
    ),
  })).any
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    value.map((one) => JSON.stringify(one)),
  )
  const options = { schema: { type: 'object', required: ['fills'] } }
  await fc.assert(
    fc.asyncProperty(text, async (answer) => {
      const findings = await judgeAnswer(name, answer, { options, roster: nobody })
      for (const { kind, code, message, path } of findings) {
        expect(kind).not.toBe('Infrastructure')
        expect(code).toMatch(/^[\w-]+$/)
        expect(message).not.toBe('')
        expect(path === null || path === '' || path.startsWith('/')).toBe(true)
      }
      // Nobody is in this roster, so nobody can have been named.
      if (validators[name]?.readsRoster === true) expect(findings).not.toEqual([])
    }),
  )
})

test.for(names)('%s: no options at all make it pass what it would refuse', async (name) => {
  const key = fc.constantFrom(
    'target_count',
    'city',
    'role',
    'schema',
    'recipients',
    'min_body',
    'fingerprint',
    '__proto__',
  )
  await fc.assert(
    fc.asyncProperty(fc.dictionary(key, fc.jsonValue()), async (options) => {
      const findings = await judgeAnswer(name, '', { options, roster: nobody })
      expect(findings).not.toEqual([])
      expect(groundedInRoster(name, findings)).not.toBe(true)
    }),
  )
})

test.for(['none', 'toString', '__proto__', ''])('no validator is called %j, and nothing passes it', async (name) => {
  expect(await judgeAnswer(name, '{}', { options: {}, roster: nobody })).toMatchObject([{ kind: 'Infrastructure' }])
  expect(groundedInRoster(name, [])).toBeNull()
})

test.for([
  ['fill', { fills: [{ candidate_id: 'W-1' }] }],
  ['playbook', { operation: 'fill', steps: ['call'], endorsed_names: ['Ann'] }],
  ['email', { to: 'W-1', subject: 'Hello', body: 'Please come to the site at seven.' }],
] as const)('%s passes nothing without a roster, or with one that cannot be read', async ([name, artifact]) => {
  const unreadable: Roster = {
    find: () => Promise.reject(new Failure('roster.unavailable', 'gone', { remedy: 'Bring it back.' })),
    matching: async () => [],
    close: async () => {},
  }
  const answer = JSON.stringify(artifact)
  const without = await judgeAnswer(name, answer, { options: {}, roster: undefined })
  expect(without).toMatchObject([{ kind: 'Infrastructure', code: 'roster-unconfigured' }])
  const broken = await judgeAnswer(name, answer, { options: {}, roster: unreadable })
  expect(broken).toMatchObject([
    { kind: 'Infrastructure', code: 'roster-unavailable', message: 'gone. Bring it back.' },
  ])
  for (const findings of [without, broken]) expect(groundedInRoster(name, findings)).toBeNull()
})

test('of very many findings the first of every kind is kept', async () => {
  const fills = Array.from({ length: 300 }, () => ({ candidate_id: 'W-9' }))
  const findings = await judgeAnswer('fill', JSON.stringify({ fills }), {
    options: { target_count: 2 },
    roster: nobody,
  })
  expect(findings).toHaveLength(50)
  expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['wrong-count', 'phantom-id', 'duplicate-id']))
  expect(groundedInRoster('fill', findings)).toBe(false)
})

test('docs/validators.md has every validator and every code', () => {
  const root = join(import.meta.dirname, '..', '..', '..')
  const guide = readFileSync(join(root, 'docs', 'validators.md'), 'utf8')
  const sources = globSync('processors/validation/*.ts', { cwd: root }).map((path) =>
    readFileSync(join(root, path), 'utf8'),
  )
  const codes = sources.flatMap((text) =>
    [...text.matchAll(/finding\(\s*'(\w+)',\s*'([\w-]+)'/g)].map(([, , code]) => code ?? ''),
  )
  expect(codes.length).toBeGreaterThan(20)
  expect([...names, ...codes].filter((word) => !guide.includes(`\`${word}\``))).toEqual(['refused'])
})

test('a replay of an answer of many megabytes is judged by its beginning', async () => {
  const passages = [{ path: 'p', text: 'telling' }]
  const long = 'abcd efgh '.repeat(3_000_000)
  const judge = (answer: string) =>
    judgeAnswer('replay', answer, { options: { task: 't' }, roster: undefined, passages })
  const began = performance.now()
  expect(await judge(long)).toMatchObject([{ code: 'ungrounded' }])
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(await judge(`telling ${long}`)).toEqual([])
})
