/** What the README and docs/ name is read, and what is read they name: docs/settings.md is generated from the same table. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { everySetting } from '#infra/config/settings.ts'

const root = join(import.meta.dirname, '../../..')
const docs = ['README.md', ...globSync('docs/*.md', { cwd: root })]
const text = new Map(docs.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const read = new Set([...everySetting.values()].flatMap(({ env }) => env))

/** Node's own, and those that an example makes up. */
const others = new Set(['NODE_EXTRA_CA_CERTS', 'HOUSE_KEY', 'HOUSE_API_KEY'])

test('every variable that a document names is read', () => {
  const named = [...text].flatMap(([file, words]) =>
    [...words.matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)].map(([name]) => ({ file, name })),
  )
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter(({ name }) => !read.has(name) && !others.has(name))).toEqual([])
})

test('every variable that is read is in the list of settings', () => {
  const list = text.get('docs/settings.md') ?? ''
  expect([...read].filter((name) => !list.includes(`\`${name}\``))).toEqual([])
})
