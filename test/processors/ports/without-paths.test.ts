/** What is told to who asks from elsewhere names no place of this machine. */
import { expect, test } from 'vitest'
import { withoutPaths } from '#processors/ports/without-paths.ts'

test.for([
  ['/home/ann/data/log.sqlite: the disk is full', '…/log.sqlite: the disk is full'],
  ["cannot read '/var/lib/lattice/current'", "cannot read '…/current'"],
  ['the roster /Users/Ann Lee/own data/workers.csv has no id', 'the roster …/workers.csv has no id'],
  ['file:///tmp/a/b is broken', '…/b is broken'],
  ['Delete /srv/x/store-1, and rebuild (/srv/y/z)', 'Delete …/store-1, and rebuild (…/z)'],
  ['C:\\Users\\ann\\log.sqlite: locked', '…\\log.sqlite: locked'],
] as const)('%s', ([message, told]) => {
  expect(withoutPaths(message)).toBe(told)
})

test.for([
  'GET /docs shows every address, and GET /openapi.json is the same for programs',
  'ask GET /v1/runs/7/events?at=x/y',
  'body/messages/0/content must be string',
  'http://127.0.0.1:8300/v1/models and https://example.org/a/b answered 404',
  'and/or, 1 / 2 / 3, a/b/c',
  'position x/runs.v1:0:12 is not reached',
])('%s stays', (message) => {
  expect(withoutPaths(message)).toBe(message)
})

test('costs no more than its length', () => {
  const began = performance.now()
  for (const hostile of ['/a '.repeat(40_000), `/${'a/'.repeat(60_000)}`, '/ '.repeat(60_000), 'C:\\'.repeat(40_000)])
    withoutPaths(hostile)
  expect(performance.now() - began).toBeLessThan(4_000)
})
