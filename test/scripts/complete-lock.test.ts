/** A lockfile that leaves out another platform's package is one that `npm ci` refuses. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Lock, missingEntries } from '#scripts/complete-lock.ts'

test('package-lock.json names every optional package that its packages ask for', () => {
  const file = join(import.meta.dirname, '../../package-lock.json')
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Lock }
  expect(Object.keys(missingEntries(packages))).toEqual([])
})

test('an entry left out is named with its version and platform, and never with an integrity', () => {
  const lock: Lock = {
    'node_modules/a': {
      version: '1.0.0',
      dev: true,
      optionalDependencies: { 'a-win32-x64': '1.0.0', 'a-linux-s390x-gnu': '1.0.0' },
    },
    'node_modules/b': { version: '1.0.0', optionalDependencies: { 'b-darwin-arm64': '2.0.0' } },
    'node_modules/b/node_modules/b-darwin-arm64': { version: '2.0.0' },
  }
  expect(missingEntries(lock)).toEqual({
    'node_modules/a-win32-x64': { version: '1.0.0', os: ['win32'], cpu: ['x64'], dev: true, optional: true },
    'node_modules/a-linux-s390x-gnu': {
      version: '1.0.0',
      os: ['linux'],
      cpu: ['s390x'],
      libc: ['glibc'],
      dev: true,
      optional: true,
    },
  })
})

test('a package for this machine is not made up', () => {
  const own = `a-${process.platform}-${process.arch}`
  expect(() => missingEntries({ 'node_modules/a': { optionalDependencies: { [own]: '1.0.0' } } })).toThrow(
    'npm install',
  )
})
